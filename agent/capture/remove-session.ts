import { execFile } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { removeFolder } from '../../disk/folder.ts'

const run = promisify(execFile)

/** Removes a session's folder, and the memory that a recorder as root mounted in it. An absent one is removed already. */
export async function removeSession(dir: string): Promise<void> {
  for (const name of ['log', 'time']) {
    const folder = join(dir, name)
    if (existsSync(folder) && statSync(folder).dev !== statSync(dir).dev) await run('umount', [folder])
  }
  await removeFolder(dir)
}
