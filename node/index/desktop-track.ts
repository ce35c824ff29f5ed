import { screenBlocks } from '../../codec/screen-blocks.ts'
import { ActivityCount } from '../../format/activity-count.ts'
import type { FbsBlock } from '../../format/fbs.ts'
import { FormatError } from '../../format/format-error.ts'
import type { Activity, IndexedFrame } from '../../format/index-records.ts'
import { ScreenPainter } from '../../format/screen-painter.ts'
import { decodeJpeg } from '../../screen/decode-jpeg.ts'
import { recordingOf, type StorePlace } from '../store/store-place.ts'
import { desktopFullness } from './desktop-fullness.ts'
import type { IndexTools } from './index-tools.ts'

// A desktop's screen, frame by frame: what a timeline and a list need to know of it. Frames begin with a whole picture, so
// nothing is carried from one to the next, and a seek needs no pictures of ours.

/** Painted of one frame: some seconds' work. A desktop that scrolls all of 1600 x 1000 twice a second for ten minutes stays below. */
export const effortMax = 2 ** 31
/** Between two looks at what a screen shows; a look costs 5 ms. */
const lookEveryUs = 30_000_000

export interface TrackedFrame {
  /** Pixels painted, second by second, but for the picture a frame begins with: that is there for who seeks. */
  activity: Activity | undefined
  fullest: IndexedFrame['fullest']
  refused: IndexedFrame['refused']
  undrawn: boolean
}

/** Paints one frame's content and looks at it now and then. Rejects with StoreError. */
export async function trackDesktop(
  tools: IndexTools,
  place: StorePlace,
  frame: IndexedFrame,
): Promise<TrackedFrame> {
  const { bodyOffset = 0, bodySize = 0, rawBytes = 0, startUs } = frame
  const recording = recordingOf(place)
  const painter = new ScreenPainter(decodeJpeg)
  painter.begin()
  const activity = new ActivityCount()
  let fullest: IndexedFrame['fullest']
  let refused: IndexedFrame['refused']
  let opened = false
  let nowUs = startUs
  let lookedUs = startUs
  const look = async () => {
    await painter.settle()
    lookedUs = nowUs
    const cells = desktopFullness(painter.screen)
    if (!fullest || cells >= fullest.cells) fullest = { timeUs: nowUs, cells }
  }
  const take = async ({ bytes, timeMs }: FbsBlock) => {
    const timeUs = blockUs(frame, nowUs, timeMs)
    if (opened && timeUs - lookedUs >= lookEveryUs) await look()
    nowUs = timeUs
    // What is too dear to be painted is no idle time.
    if (painter.effort > effortMax) return activity.add(nowUs, painter.screen.width * painter.screen.height)
    const before = painter.painted
    await painter.update(bytes)
    if (opened) activity.add(nowUs, painter.painted - before)
    else if (painter.isWhole) {
      opened = true
      await look()
    }
  }
  try {
    const body = tools.store.readRange(place, 'rfb', bodyOffset, bodyOffset + bodySize)
    for await (const blocks of screenBlocks(body, rawBytes))
      await tools.guarded(recording, async () => {
        for (const block of blocks) await take(block)
      })
    if (opened) await tools.guarded(recording, look)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    refused = { timeUs: nowUs, code: error.code }
  }
  return { activity: activity.take(), fullest, refused, undrawn: painter.effort > effortMax }
}

/** When a block is shown: a frame's never go back, and none is later than its frame. */
export function blockUs({ endUs }: IndexedFrame, nowUs: number, timeMs: number): number {
  return Math.max(nowUs, Math.min(timeMs * 1000, endUs))
}
