import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CommandError } from '../command-error.ts'

const execute = promisify(execFile)
/** systemctl waits for a unit until it is ready or failed; migrating a large catalog takes minutes. */
const commandMsMax = 16 * 60_000

/** Runs a program of the system; returns what it printed. Throws CommandError with what it said. */
export async function runCommand(program: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await execute(program, args, { timeout: commandMsMax })
    return stdout
  } catch (error) {
    const { message, stderr = '' } = error as Error & { stderr?: string }
    const said = stderr.trim() || message
    throw new CommandError('system', `'${[program, ...args].join(' ')}' failed: ${said.slice(0, 1000)}`)
  }
}

export async function hasProgram(name: string): Promise<boolean> {
  for (const folder of ['/usr/sbin', '/usr/bin', '/sbin', '/bin'])
    try {
      await access(join(folder, name), constants.X_OK)
      return true
    } catch {
      // Look on.
    }
  return false
}
