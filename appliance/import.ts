import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Client } from './client.ts'
import { CommandError } from './command-error.ts'
import { escapeControls } from './print.ts'

/** Sends asciicast files (version 1, 2, 3) or recordings (.cast.zst) to the server. Goes on after one that is refused. */
export async function importFiles(
  client: Client,
  paths: string[],
  options: { json?: boolean },
): Promise<void> {
  const refused: string[] = []
  for (const path of paths) {
    try {
      if (!(await stat(path)).isFile()) throw new CommandError('file', 'it is not a file')
      const type = path.endsWith('.zst') ? 'application/zstd' : 'application/x-asciicast'
      const query = new URLSearchParams({ name: basename(path) })
      const { id } = await client.upload<{ id: string }>(
        `/api/recordings?${query}`,
        createReadStream(path),
        type,
      )
      process.stdout.write(
        options.json ? `${JSON.stringify({ path, id })}\n` : `${id}  ${escapeControls(path)}\n`,
      )
    } catch (error) {
      const { message, code } = error as { message: string; code?: string }
      process.stderr.write(
        `tapedeck: ${escapeControls(path)} was not imported: ${escapeControls(message)} [${code ?? 'failed'}]\n`,
      )
      refused.push(path)
    }
  }
  if (refused.length > 0)
    throw new CommandError(
      'import',
      `${refused.length} of ${paths.length} files were not imported.`,
      'The lines above say why.',
    )
}
