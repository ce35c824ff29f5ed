import { readRecording } from '../../codec/read-recording.ts'
import { FormatError } from '../../format/format-error.ts'
import type { IndexTable } from '../../format/index-records.ts'
import { decodePicture } from '../../format/picture-bytes.ts'
import { ShownText } from '../../format/shown-text.ts'
import { parseSize, type TimelineEvent } from '../../format/timeline.ts'
import { EmulatedScreen } from '../../screen/emulated-screen.ts'
import { recordingOf, type StorePlace } from '../store/store-place.ts'
import type { DrawnFacts } from './drawn-facts.ts'
import type { IndexTools } from './index-tools.ts'
import { readPicture } from './read-picture.ts'

/** Drawn from the last picture on for one moment, stored bytes: more says that there is hardly an index yet. */
const storedBytesMax = 16 * 1024 * 1024

/**
 * The screen after all events up to `timeUs`, drawn from the picture before it; `size` = bytes of the timeline that can be
 * read. `undefined` where it cannot be drawn cheaply. The caller disposes of it. Rejects with StoreError.
 */
export async function screenAt(
  tools: IndexTools,
  place: StorePlace,
  table: IndexTable,
  moment: { timeUs: number; size: number } & DrawnFacts,
): Promise<EmulatedScreen | undefined> {
  const { timeUs, size } = moment
  const start = table.pictures.findLast((picture) => picture.timeUs <= timeUs)
  const from = start?.frame ?? 0
  const written = start && (await readPicture(tools, place, start))
  const to = Math.min(size, endOfMoment(table, timeUs) ?? size)
  if ((start && !written) || to - from > storedBytesMax) return undefined
  const screen = new EmulatedScreen(moment.columns, moment.rows, tools.cpuMs)
  if (written) screen.restore(decodePicture(written))
  const output = new ShownText(moment.isCommand)
  let skip = start?.event ?? 0
  let passed = false
  const draw = (event: TimelineEvent) => {
    const text = output.take(event)
    if (skip > 0) {
      skip -= 1
      return
    }
    passed ||= event.timeUs > timeUs
    if (passed) return
    const resize = event.code === 'r' ? parseSize(event.data) : undefined
    if (resize) screen.resize(resize.columns, resize.rows)
    if (text !== undefined) screen.write(text)
  }
  try {
    const stored = tools.store.readRange(place, 'cast', from, to)
    for await (const item of readRecording(stored, { headerSent: from > 0 })) {
      if (item.kind === 'events')
        await tools.guarded(recordingOf(place), () => {
          for (const event of item.events) draw(event)
        })
      if (passed) break
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    // What is damaged shows nothing.
  }
  return screen
}

// Behind the last frame that begins before the moment there is nothing to be drawn for it.
function endOfMoment({ frames }: IndexTable, timeUs: number): number | undefined {
  return frames.find((frame) => frame.stream === 'cast' && frame.startUs > timeUs)?.offset
}
