import { FbsReader } from '../format/fbs.ts'
import { FormatError } from '../format/format-error.ts'
import { ScreenPainter } from '../format/screen-painter.ts'
import { readBodies } from './read-bodies.ts'

/** More say nothing new. */
const problemsMax = 100

/** Frames of a stored screen whose blocks break the rules of FORMAT.md; a player passes over the rest of such a frame. */
export async function checkScreen(
  stored: AsyncIterable<Uint8Array>,
): Promise<{ code: string; offset: number; text: string }[]> {
  const problems: { code: string; offset: number; text: string }[] = []
  // What a JPEG shows is nobody's rule.
  const painter = new ScreenPainter(async (_, width, height) => new Uint8Array(4 * width * height))
  let first = true
  for await (const item of readBodies(stored)) {
    if (item.kind !== 'body') continue
    try {
      painter.begin()
      const blocks = new FbsReader({ headerExpected: first }).push(item.raw)
      for (const { bytes } of first ? withoutHandshake(blocks) : blocks) await painter.update(bytes)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      if (problems.length < problemsMax)
        problems.push({ code: error.code, offset: item.offset, text: `A frame's content: ${error.message}` })
    }
    first = false
  }
  return problems
}

function* withoutHandshake<T>(blocks: Iterable<T>): Generator<T> {
  let passed = false
  for (const block of blocks) {
    if (passed) yield block
    passed = true
  }
}
