import { basename } from 'node:path'
import type { Client } from './client.ts'
import { CommandError } from './command-error.ts'
import { openInput } from './open-input.ts'
import { escapeControls } from './print.ts'
import { Progress } from './progress.ts'

/** The server takes no more. */
const nameCharactersMax = 256

/** Sends asciicast files (version 1, 2, 3) or recordings (.cast.zst, and a desktop's .rfb.zst) to the server. Goes on after one that is refused. */
export async function importFiles(
  client: Client,
  paths: string[],
  options: { json?: boolean },
): Promise<void> {
  const refused: string[] = []
  // A desktop's screen joins its timeline.
  const isScreen = (path: string) => path.endsWith('.rfb.zst')
  for (const path of paths.toSorted((a, b) => Number(isScreen(a)) - Number(isScreen(b)))) {
    try {
      const id = await importFile(client, path)
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

async function importFile(client: Client, path: string): Promise<string> {
  const input = await openInput(path)
  const type = path.endsWith('.zst') ? 'application/zstd' : 'application/x-asciicast'
  const query = new URLSearchParams({ name: basename(path).slice(0, nameCharactersMax) })
  const progress = new Progress(`importing ${escapeControls(basename(path))}`, input.size)
  try {
    const { id } = await client.upload<{ id: string }>(
      `/api/recordings?${query}`,
      progress.count(input),
      type,
    )
    return id
  } finally {
    progress.end()
  }
}
