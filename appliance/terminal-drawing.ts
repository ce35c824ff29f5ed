import { readRecording } from '../codec/read-recording.ts'
import { clampCells, parseSize, type TimelineEvent } from '../format/timeline.ts'
import { EmulatedScreen } from '../screen/emulated-screen.ts'
import { StampedPictures } from '../screen/stamped-pictures.ts'
import { CommandError } from './command-error.ts'
import { type Drawing, type FilmOptions, noteOf, type OpenStored, type Shot } from './drawing.ts'
import { FilmClock } from './film-clock.ts'

// A terminal's timeline as pictures: read once to be measured, once to be drawn.

export function terminalDrawing(open: OpenStored): Drawing {
  return {
    async moment(timeUs, clock) {
      const found = await screenOf(await open(), timeUs)
      const { cols: columns, rows } = found.screen.terminal
      const pictures = new StampedPictures({ columns, rows, startMs: found.startMs, clock })
      const painting = pictures.paint(found.screen.terminal, found.timeUs, noteOf(found.lost))
      return painting.finally(() => found.screen.dispose())
    },

    async film(options) {
      const { filmUs, ...measured } = await measure(await open(), options.idleUs)
      const pictures = new StampedPictures({ ...measured, clock: options.clock })
      const { width, height } = pictures
      return { width, height, filmUs, shots: shotsOf(await open(), pictures, options) }
    },
  }
}

interface Measured {
  /** Of the largest screen. */
  columns: number
  rows: number
  startMs: number | undefined
  endUs: number
  /** As long as the pictures of it last, idle time cut. */
  filmUs: number
}

type Stored = AsyncIterable<Uint8Array>

async function measure(stored: Stored, idleUs: number): Promise<Measured> {
  const found: Measured = { columns: 0, rows: 0, startMs: undefined, endUs: 0, filmUs: 0 }
  const grow = (columns: number, rows: number) => {
    found.columns = Math.max(found.columns, columns)
    found.rows = Math.max(found.rows, rows)
  }
  const pass = (timeUs: number) => {
    found.filmUs += Math.min(Math.max(0, timeUs - found.endUs), idleUs)
    found.endUs = Math.max(found.endUs, timeUs)
  }
  for await (const item of readRecording(stored)) {
    if (item.kind === 'gap') pass(item.gap.to)
    if (item.kind === 'header') {
      const { width, height, timestamp } = item.header
      grow(clampCells(width), clampCells(height))
      if (typeof timestamp === 'number') found.startMs = timestamp * 1000
    }
    if (item.kind === 'events')
      for (const { timeUs, code, data } of item.events) {
        const size = code === 'r' ? parseSize(data) : undefined
        if (size) grow(size.columns, size.rows)
        pass(timeUs)
      }
  }
  if (found.columns === 0)
    throw new CommandError('empty', 'Nothing in this recording can be shown yet.', 'Is it still being sent?')
  return found
}

// Its screen is the same one each time, and gone behind the last.
async function* shotsOf(
  stored: Stored,
  pictures: StampedPictures,
  options: FilmOptions,
): AsyncGenerator<Shot> {
  const clock = new FilmClock(options)
  let screen: EmulatedScreen | undefined
  let lost: string | undefined
  let fresh = true
  function* until(timeUs: number): Generator<Shot> {
    if (!screen) return
    const { terminal } = screen
    for (const at of clock.until(timeUs)) {
      yield { ...at, fresh, paint: () => pictures.paint(terminal, at.timeUs, noteOf(lost)) }
      fresh = false
    }
  }
  try {
    for await (const item of readRecording(stored)) {
      if (item.kind === 'header')
        screen ??= new EmulatedScreen(clampCells(item.header.width), clampCells(item.header.height))
      if (item.kind === 'gap') {
        yield* until(item.gap.from)
        lost = item.gap.reason
        fresh = true
        yield* until(item.gap.to)
      }
      if (item.kind !== 'events') continue
      for (const event of item.events) {
        if (event.code !== 'o' && event.code !== 'r') continue
        yield* until(event.timeUs)
        lost = undefined
        fresh = true
        if (screen) draw(screen, event)
      }
    }
    if (!screen) return
    const { terminal } = screen
    const { timeUs, filmUs } = clock.end
    yield { timeUs, filmUs, fresh: true, paint: () => pictures.paint(terminal, timeUs, noteOf(lost)) }
  } finally {
    screen?.dispose()
  }
}

/** The screen after all events up to `timeUs`; the caller disposes of it. */
async function screenOf(
  stored: Stored,
  timeUs: number,
): Promise<{
  screen: EmulatedScreen
  timeUs: number
  startMs: number | undefined
  lost: string | undefined
}> {
  let screen: EmulatedScreen | undefined
  let startMs: number | undefined
  let lost: string | undefined
  let lastUs = 0
  for await (const item of readRecording(stored)) {
    if (item.kind === 'header') {
      const { width, height, timestamp } = item.header
      screen ??= new EmulatedScreen(clampCells(width), clampCells(height))
      if (typeof timestamp === 'number') startMs = timestamp * 1000
    }
    if (item.kind === 'gap' && item.gap.from <= timeUs) {
      lastUs = Math.min(timeUs, item.gap.to)
      lost = item.gap.reason
    }
    if (item.kind !== 'events') continue
    for (const event of item.events) {
      if (event.timeUs > timeUs) break
      lastUs = event.timeUs
      lost = undefined
      if (screen) draw(screen, event)
    }
    if ((item.events.at(-1)?.timeUs ?? 0) > timeUs) break
  }
  if (!screen)
    throw new CommandError('empty', 'Nothing in this recording can be shown yet.', 'Is it still being sent?')
  return { screen, timeUs: Number.isFinite(timeUs) ? timeUs : lastUs, startMs, lost }
}

function draw(screen: EmulatedScreen, { code, data }: TimelineEvent): void {
  const size = code === 'r' ? parseSize(data) : undefined
  if (size) screen.resize(size.columns, size.rows)
  if (code === 'o') screen.write(data)
}
