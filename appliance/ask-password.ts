import { CommandError } from './command-error.ts'

/** Asks on the terminal without showing what is typed. `where` to say instead when nobody is there. */
export async function askPassword(question: string, where: string): Promise<string> {
  const { stdin, stderr } = process
  if (!stdin.isTTY)
    throw new CommandError('password', `${question} is needed, and nobody is there to be asked.`, where, 2)
  stderr.write(`${question}: `)
  stdin.setRawMode(true)
  try {
    return await typed()
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}

function typed(): Promise<string> {
  const { stdin } = process
  let text = ''
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer) => {
      for (const key of chunk.toString()) {
        if (key === '\r' || key === '\n' || key === '\u0004') return done(() => resolve(text))
        if (key === '\u0003') return done(() => reject(new CommandError('stopped', 'Stopped.', '', 130)))
        if (key === '\u007f' || key === '\b') text = text.slice(0, -1)
        else if (key === '\u0015') text = ''
        else text += key
      }
    }
    const done = (how: () => void) => {
      stdin.off('data', read)
      how()
    }
    stdin.on('data', read)
    stdin.resume()
  })
}
