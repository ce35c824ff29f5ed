import { execFile } from 'node:child_process'

/** Whether a program is here; tests that need it say so and pass over where it is not. */
export function hasProgram(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(name, ['--version'], (error) =>
      resolve((error as NodeJS.ErrnoException | null)?.code !== 'ENOENT'),
    )
  })
}
