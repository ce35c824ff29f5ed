import { ShownText } from '../../../format/shown-text.ts'
import { parseSize, type TimelineEvent } from '../../../format/timeline.ts'
import type { Segment } from '../segment.ts'
import type { Emulator } from './emulator.ts'
import type { TerminalSource } from './terminal-source.ts'

/** The event to be shown next: its frame's number and its own in the frame. */
export interface Cursor {
  segment: number
  event: number
}

export function before(a: Cursor, b: Cursor): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.event < b.event)
}

/** The event at the cursor, moving it over ends of frames; `waits` names a frame that must be loaded first. */
export function nextEvent(
  source: TerminalSource,
  cursor: Cursor,
): { event?: TimelineEvent; waits?: Segment } {
  const segments = source.segments.peek()
  while (cursor.segment < segments.length) {
    const segment = segments[cursor.segment]!
    const events = source.peek(segment)
    if (!events) return { waits: segment }
    const event = events[cursor.event]
    if (event) return { event }
    if (cursor.segment === segments.length - 1) return {}
    cursor.segment += 1
    cursor.event = 0
  }
  return {}
}

/** Output gathered before it is handed to the emulator, so that a burst is one write. */
const joinCharactersMax = 131_072

/**
 * Draws the events from the cursor up to and including `untilUs`, and moves it there. Stops at a frame that is not loaded
 * or, with `charactersMax`, after about that much. Returns what it stopped for and the time of the last event drawn.
 */
export function drawUntil(
  source: TerminalSource,
  emulator: Emulator,
  cursor: Cursor,
  untilUs: number,
  charactersMax = Number.POSITIVE_INFINITY,
): { waits?: Segment; more: boolean; characters: number; lastUs?: number } {
  let text = ''
  let characters = 0
  let lastUs: number | undefined
  // What says that the output after it is errors has that output's time, and no characters: one call draws both.
  const output = new ShownText(source.isCommand)
  const write = () => {
    if (text !== '') emulator.write(text)
    text = ''
  }
  const result = (rest: { waits?: Segment; more: boolean }) => {
    write()
    return { ...rest, characters, ...(lastUs !== undefined && { lastUs }) }
  }
  while (characters < charactersMax) {
    const { event, waits } = nextEvent(source, cursor)
    if (waits) return result(waits.startUs > untilUs ? { more: false } : { waits, more: true })
    if (!event || event.timeUs > untilUs) return result({ more: false })
    cursor.event += 1
    lastUs = event.timeUs
    const shown = output.take(event)
    if (shown !== undefined) {
      text += shown
      characters += shown.length
      if (text.length >= joinCharactersMax) write()
    } else if (event.code === 'r') {
      const size = parseSize(event.data)
      write()
      if (size) emulator.resize(size.columns, size.rows)
    }
  }
  return result({ more: true })
}
