import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** Cookies of some displays, or a password: more is something else. */
const bytesMax = 64 * 1024

/**
 * Reads a file that lets somebody in. Its name may come from a user's own process: so it must be a plain file, since a
 * fifo would hold us for ever, and one of the `owners`', since else he would have us use what is another's on his server.
 */
export async function readSecret(path: string, owners: readonly number[] | undefined): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new Error('it is no plain file')
    if (owners && !owners.includes(stats.uid))
      throw new Error(`it belongs to user ${stats.uid}, and the server to user ${owners.join(' or ')}`)
    if (stats.size > bytesMax) throw new Error(`it has ${stats.size} bytes`)
    const { buffer, bytesRead } = await file.read(new Uint8Array(bytesMax), 0, bytesMax, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
