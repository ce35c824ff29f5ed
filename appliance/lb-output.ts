import { CommandError } from './command-error.ts'
import { escapeControls } from './print.ts'

/** Errors of many lines, each for the terminal. */
export async function told<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const { message, code, hint, exitCode } = error as Partial<CommandError> & Error
    const [first = '', ...details] = message.split('\n')
    if (!code || details.length === 0) throw error
    for (const line of details) process.stderr.write(`${escapeControls(line)}\n`)
    throw new CommandError(code, first, hint, exitCode)
  }
}

export function print(options: { json?: boolean }, value: object, text: string): void {
  process.stdout.write(options.json ? `${JSON.stringify(value)}\n` : text)
}
