import { open } from 'node:fs/promises'
import { CommandError } from './command-error.ts'

/** Opens what a person named in place of a recording's id. Throws CommandError `file` when it is neither. */
export async function openInput(
  path: string,
  from = 0,
): Promise<AsyncIterable<Uint8Array> & { size?: number }> {
  try {
    const file = await open(path)
    const stats = await file.stat()
    const stream = file.createReadStream(from > 0 ? { start: from } : {})
    if (stats.isFile()) return Object.assign(stream, { size: stats.size })
    if (!stats.isDirectory()) return stream
    stream.destroy()
    throw new Error('it is a folder')
  } catch (error) {
    throw new CommandError(
      'file',
      `${path} cannot be read: ${(error as Error).message}`,
      "Give the id of a recording, as 'tapedeck list' shows it, or a file.",
      2,
    )
  }
}
