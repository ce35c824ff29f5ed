import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'

/** A folder on a disk of its own that is soon full. `undefined` where this user may not mount one: the test says so. */
export function smallDisk(t: ExecutionContext, kib: number): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'tapedeck-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k,mode=700`, 'tapedeck-test', folder], {
      stdio: 'pipe',
    })
  } catch (error) {
    rmSync(folder, { recursive: true })
    t.log(`skipped: no file system can be mounted here (${(error as Error).message.trim()})`)
    return undefined
  }
  t.teardown(() => {
    execFileSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}
