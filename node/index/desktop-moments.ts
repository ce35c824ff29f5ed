import { readScreen } from '../../codec/read-screen.ts'
import { screenBlocks } from '../../codec/screen-blocks.ts'
import type { FbsBlock } from '../../format/fbs.ts'
import { FormatError } from '../../format/format-error.ts'
import type { Framebuffer } from '../../format/framebuffer.ts'
import { coveredBytes, type IndexedFrame, type IndexTable } from '../../format/index-records.ts'
import type { Head } from '../../format/records.ts'
import { ScreenPainter } from '../../format/screen-painter.ts'
import { decodeJpeg } from '../../screen/decode-jpeg.ts'
import { recordingOf, type StorePlace } from '../store/store-place.ts'
import { blockUs, effortMax } from './desktop-track.ts'
import type { IndexTools } from './index-tools.ts'

/** Behind what is indexed, stored bytes: a frame that grows, or the one before; more says that there is hardly an index yet. */
const tailBytesMax = 128 * 1024 * 1024

/** The frame that shows `timeUs`; a frame's first picture is shown from its beginning. */
export function desktopFrameAt({ frames }: IndexTable, timeUs: number): IndexedFrame | undefined {
  const shown = frames.filter(({ stream, kind }) => stream === 'rfb' && kind === 'frame')
  return shown.findLast(({ startUs }) => startUs <= timeUs) ?? shown[0]
}

/**
 * The frame's screen at each of `timesUs`, which do not go back; each is changed by the next. It ends early where nothing can
 * be shown. What is damaged shows what came before it. Rejects with StoreError.
 */
export async function* desktopScreens(
  tools: IndexTools,
  place: StorePlace,
  frame: IndexedFrame,
  timesUs: readonly number[],
): AsyncGenerator<{ timeUs: number; screen: Framebuffer }> {
  const { bodyOffset = 0, bodySize = 0, rawBytes = 0 } = frame
  const painter = new ScreenPainter(decodeJpeg)
  painter.begin()
  const recording = recordingOf(place)
  let shown = 0
  let nowUs = frame.startUs
  // Up to the block behind the next of the times, which is returned, or all of a piece.
  const paint = async (left: Iterator<FbsBlock>) => {
    for (let next = left.next(); !next.done; next = left.next()) {
      nowUs = blockUs(frame, nowUs, next.value.timeMs)
      if (painter.isWhole && timesUs[shown]! < nowUs) return next.value
      if (painter.effort > effortMax) return undefined
      await painter.update(next.value.bytes)
    }
    return undefined
  }
  try {
    const body = tools.store.readRange(place, 'rfb', bodyOffset, bodyOffset + bodySize)
    pieces: for await (const blocks of screenBlocks(body, rawBytes)) {
      const left = blocks[Symbol.iterator]()
      for (;;) {
        const block = await tools.guarded(recording, () => paint(left))
        if (!block) break
        await painter.settle()
        for (; shown < timesUs.length && timesUs[shown]! < nowUs; shown++)
          yield { timeUs: timesUs[shown]!, screen: painter.screen }
        if (shown === timesUs.length) break pieces
        await tools.guarded(recording, () => painter.update(block.bytes))
      }
      if (painter.effort > effortMax) break
    }
    await painter.settle()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  if (!painter.isWhole) return
  for (const timeUs of timesUs.slice(shown)) yield { timeUs, screen: painter.screen }
}

/** The newest screen of the stream's first `size` bytes; `undefined` where there is none, or too much to be read for it. */
export async function newestDesktop(
  tools: IndexTools,
  place: StorePlace,
  table: IndexTable,
  size: number,
): Promise<Framebuffer | undefined> {
  const from = coveredBytes(table, 'rfb')
  if (size - from > tailBytesMax) return undefined
  return (await newestOfTail(tools, place, from, size)) ?? (await newestIndexed(tools, place, table))
}

async function newestIndexed(tools: IndexTools, place: StorePlace, table: IndexTable) {
  const frame = desktopFrameAt(table, Number.POSITIVE_INFINITY)
  if (!frame) return undefined
  for await (const { screen } of desktopScreens(tools, place, frame, [Number.POSITIVE_INFINITY]))
    return screen
  return undefined
}

// Read twice, so that only the last frame is decoded.
async function newestOfTail(
  { store, guarded }: IndexTools,
  place: StorePlace,
  from: number,
  size: number,
): Promise<Framebuffer | undefined> {
  const stored = () => store.readRange(place, 'rfb', from, size)
  const painter = new ScreenPainter(decodeJpeg)
  let last: number | undefined
  try {
    const note = ({ frame }: Head) => {
      last = frame
      return false
    }
    for await (const _ of readScreen(stored(), note));
    if (last === undefined) return undefined
    painter.begin()
    for await (const item of readScreen(stored(), ({ frame }) => frame === last)) {
      if (item.kind !== 'blocks') continue
      await guarded(recordingOf(place), async () => {
        for (const { bytes } of item.blocks) if (painter.effort <= effortMax) await painter.update(bytes)
      })
    }
    await painter.settle()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  return painter.isWhole ? painter.screen : undefined
}
