import { createHash } from 'node:crypto'
import { chmod, lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Others may pass through, since x0vncserver runs as nobody, and see nothing. */
const mode = 0o711

/**
 * Makes the folder for the sockets of our x0vncservers, whose paths must be short: in `hostRun` where there is one, else
 * by the agent's own name in /tmp. Throws `x-folder` when somebody else has that name.
 */
export async function makeXFolder(home: string, hostRun?: string): Promise<string> {
  const name = createHash('sha256').update(home).digest('hex').slice(0, 16)
  const path = hostRun === undefined ? `/tmp/tapedeck-x-${name}` : join(hostRun, 'x')
  await mkdir(path, { mode }).catch(() => undefined)
  const found = await lstat(path).catch(() => undefined)
  if (!found?.isDirectory() || found.uid !== process.getuid!())
    throw Object.assign(new Error(`${path} must be a folder of user ${process.getuid!()}.`), {
      code: 'x-folder',
    })
  await chmod(path, mode)
  return path
}
