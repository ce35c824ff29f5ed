import { FormatError } from '../format/format-error.ts'
import { ScreenPainter } from '../format/screen-painter.ts'
import { readScreen } from './read-screen.ts'

/** More say nothing new. */
const problemsMax = 100

/** Frames of a stored screen whose blocks break the rules of FORMAT.md; a player passes over the rest of such a frame. */
export async function checkScreen(
  stored: AsyncIterable<Uint8Array>,
): Promise<{ code: string; offset: number; text: string }[]> {
  const problems: { code: string; offset: number; text: string }[] = []
  // What a JPEG shows is nobody's rule.
  const painter = new ScreenPainter(async (_, width, height) => new Uint8Array(4 * width * height))
  let offset = 0
  let isRefused = false
  const refuse = ({ code, message }: FormatError) => {
    isRefused = true
    if (problems.length < problemsMax) problems.push({ code, offset, text: `A frame's content: ${message}` })
  }
  for await (const item of readScreen(stored)) {
    if (item.kind === 'frame') {
      offset = item.offset
      isRefused = false
      painter.begin()
    }
    if (item.kind === 'refused' && !isRefused) refuse(item.error)
    if (item.kind !== 'blocks' || isRefused) continue
    try {
      for (const { bytes } of item.blocks) await painter.update(bytes)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      refuse(error)
    }
  }
  return problems
}
