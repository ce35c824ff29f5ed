import { execFile } from 'node:child_process'
import type { ExecutionContext } from 'ava'

/** True where a program is missing; then the test says so and is over. */
export async function lacks(t: ExecutionContext, ...names: string[]): Promise<boolean> {
  for (const name of names) {
    if (await isHere(name)) continue
    t.log(`Skipped: ${name} is not installed here.`)
    t.pass()
    return true
  }
  return false
}

function isHere(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(name, ['--version'], (error) =>
      resolve((error as NodeJS.ErrnoException | null)?.code !== 'ENOENT'),
    )
  })
}
