import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { DurableFile } from './durable-file.ts'

/**
 * A new file in the place of whatever is there, for what can be made again: nothing is synced. Who writes on in the one
 * before writes into a file without a name, so two writers never share one.
 */
export async function freshFile(
  path: string,
  content: AsyncIterable<Uint8Array>,
  mode = 0o600,
): Promise<DurableFile> {
  const temp = `${path}.${randomBytes(6).toString('hex')}.tmp`
  const handle = await open(temp, 'wx+', mode)
  try {
    const file = new DurableFile(handle, 0)
    for await (const bytes of content) await file.write([bytes], file.size)
    await rename(temp, path)
    return file
  } catch (error) {
    await handle.close()
    await rm(temp, { force: true })
    throw error
  }
}
