import { createHash } from 'node:crypto'
import { lstat, mkdir, readlink, stat, symlink } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'

/** The recorders' logs are written and read once within seconds: memory is their place, not a disk. */
const memoryFolder = '/dev/shm'

/**
 * Makes `<agentHome>/run`, where record.sh puts sessions: a link into a tmpfs that belongs to this user and this home.
 * A plain folder that a recorder made before the first agent came is used as it is.
 */
export async function makeRunFolder(agentHome: string): Promise<string> {
  const run = join(agentHome, 'run')
  const { uid } = userInfo()
  const target = join(
    memoryFolder,
    `tapedeck-${uid}-${createHash('sha256').update(agentHome).digest('hex').slice(0, 8)}`,
  )
  const found = await lstat(run).catch(() => undefined)
  if (!found) {
    const inMemory = await mkdir(target, { mode: 0o700 }).then(
      () => true,
      (error) => error.code === 'EEXIST',
    )
    if (inMemory) await symlink(target, run)
    else await mkdir(run, { mode: 0o700 })
  } else if (found.isSymbolicLink() && !(await stat(run).catch(() => undefined))) {
    await mkdir(await readlink(run), { mode: 0o700 })
  }
  const owner = await stat(run)
  if (!owner.isDirectory() || owner.uid !== uid || (owner.mode & 0o077) !== 0)
    throw Object.assign(new Error(`${run} must be a folder of user ${uid} with mode 700.`), {
      code: 'run-folder',
    })
  return run
}
