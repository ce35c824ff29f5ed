import { lstat, mkdir, mkdtemp, readlink, rm, stat, symlink } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'

/** The recorders' logs are written and read once within seconds: memory is their place, not a disk. */
const memoryFolder = '/dev/shm'

/**
 * Makes `<agentHome>/run`, where record.sh puts sessions: a link into a tmpfs. A plain folder that a recorder made before
 * the first agent came is used as it is. Throws `run-folder`.
 */
export async function makeRunFolder(agentHome: string): Promise<string> {
  const run = join(agentHome, 'run')
  const { uid } = userInfo()
  const found = await lstat(run).catch(() => undefined)
  if (found?.isSymbolicLink()) {
    // After a reboot the folder is gone, and its name in a place that all users share may be somebody else's.
    await mkdir(await readlink(run), { mode: 0o700 }).catch(() => undefined)
    if (!(await isOurs(run, uid))) await rm(run)
  }
  if (!found || !(await lstat(run).catch(() => undefined))) {
    const target = await mkdtemp(join(memoryFolder, `tapedeck-${uid}-`)).catch(() => undefined)
    // EEXIST: a recorder has made a plain folder just now.
    if (target) await symlink(target, run).catch(() => rm(target, { recursive: true, force: true }))
    else await mkdir(run, { mode: 0o700 }).catch(() => undefined)
  }
  if (await isOurs(run, uid)) return run
  throw Object.assign(new Error(`${run} must be a folder of user ${uid} with mode 700.`), {
    code: 'run-folder',
  })
}

async function isOurs(path: string, uid: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() === true && found.uid === uid && (found.mode & 0o077) === 0
}
