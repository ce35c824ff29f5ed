import { execFile } from 'node:child_process'
import { LbError } from './lb-error.ts'

/** Both programs read a file and say what is wrong; resolving names takes the longest of it. */
const programMs = 30_000
const outputBytesMax = 1024 * 1024

/** What a program said, and how it ended. Throws LbError `lb-program` when it cannot be run at all. */
export function runProgram(program: string, args: string[]): Promise<{ ok: boolean; said: string }> {
  return new Promise((resolve, reject) => {
    const options = { timeout: programMs, maxBuffer: outputBytesMax }
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number')
        reject(
          new LbError(
            'lb-program',
            `${program} cannot be run: ${error.killed ? `not done within ${programMs} ms` : error.message}`,
            `Install it: apt-get install ${program}.`,
            error,
          ),
        )
      else resolve({ ok: !error, said: `${stdout}${stderr}`.trim() })
    })
  })
}
