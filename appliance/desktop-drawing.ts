import { readScreen, type ScreenItem } from '../codec/read-screen.ts'
import { fromBase64url } from '../format/bytes.ts'
import { FormatError } from '../format/format-error.ts'
import type { Head } from '../format/records.ts'
import { screenPixelsMax } from '../format/rfb-reader.ts'
import { parseServerInit } from '../format/server-init.ts'
import { StampedDesktop } from '../screen/stamped-desktop.ts'
import { type Drawing, type FilmOptions, noteOf, type OpenStored, type Shot } from './drawing.ts'
import { FilmClock } from './film-clock.ts'
import { nothingToShow, PaintedScreen } from './painted-screen.ts'

// A desktop's screen as pictures. A frame that breaks the rules shows what came before that, and is said to be missing.

/** `open` gives the stored bytes of the screen, not of the timeline. */
export function desktopDrawing(open: OpenStored): Drawing {
  return {
    async moment(timeUs, clock) {
      const found = await frameAt(await open(), timeUs)
      const screen = new PaintedScreen()
      let lastUs = 0
      let isPassed = false
      for await (const item of readScreen(await open(found.offset))) {
        if (item.kind === 'sealed' || item.kind === 'gap' || isPassed) break
        for await (const atUs of screen.play(item)) {
          isPassed ||= screen.isWhole && atUs > timeUs
          if (isPassed) break
          lastUs = atUs
        }
      }
      const framebuffer = await screen.shown()
      const { width, height } = framebuffer
      const pictures = new StampedDesktop({ width, height, startMs: found.startMs, clock, evenSides: false })
      const shownUs = Number.isFinite(timeUs) ? timeUs : Math.max(found.lostToUs ?? 0, lastUs)
      return pictures.paint(framebuffer, shownUs, noteOf(found.lost ?? screen.refused))
    },

    async film(options) {
      const { filmUs, ...measured } = await measure(await open(), options.idleUs)
      const pictures = new StampedDesktop({ ...measured, clock: options.clock, evenSides: true })
      const { width, height } = pictures
      return { width, height, filmUs, shots: shotsOf(await open(), pictures, options) }
    },
  }
}

async function* shotsOf(
  stored: AsyncIterable<Uint8Array>,
  pictures: StampedDesktop,
  options: FilmOptions,
): AsyncGenerator<Shot> {
  const clock = new FilmClock(options)
  const screen = new PaintedScreen()
  let lost: string | undefined
  let fresh = true
  function* until(timeUs: number): Generator<Shot> {
    // Until there is a picture the first one stands for the time before it.
    if (!screen.isWhole) return
    for (const at of clock.until(timeUs)) {
      yield { ...at, fresh, paint: () => paint(at.timeUs) }
      fresh = false
    }
  }
  const paint = async (timeUs: number) => {
    return pictures.paint(await screen.shown(), timeUs, noteOf(lost))
  }
  for await (const item of readScreen(stored)) {
    if (item.kind === 'gap') {
      yield* until(item.gap.from)
      lost = item.gap.reason
      fresh = true
      yield* until(item.gap.to)
    }
    for await (const timeUs of screen.play(item)) {
      yield* until(timeUs)
      lost = undefined
      fresh = true
    }
    if (screen.refused !== undefined && lost !== screen.refused) {
      lost = screen.refused
      fresh = true
    }
  }
  const { timeUs, filmUs } = clock.end
  yield { timeUs, filmUs, fresh: true, paint: () => paint(timeUs) }
}

interface FoundFrame {
  offset: number
  startMs: number
  lost: string | undefined
  lostToUs: number | undefined
}

/** The frame that shows a moment, and whether data is lost there. Decodes nothing. */
async function frameAt(stored: AsyncIterable<Uint8Array>, timeUs: number): Promise<FoundFrame> {
  let found: FoundFrame | undefined
  for await (const item of readScreen(stored, () => false)) {
    if (item.kind === 'gap' && found && item.gap.from <= timeUs) {
      found.lost = item.gap.reason
      found.lostToUs = item.gap.to
    }
    if (item.kind !== 'frame') continue
    if (found && item.head.start > timeUs) break
    found = { offset: item.offset, startMs: startOf(item.head), lost: undefined, lostToUs: undefined }
  }
  if (!found) throw nothingToShow()
  return found
}

interface Measured {
  /** Of the screen with the most pixels that a frame begins with; what does not fit into it is shown smaller. */
  width: number
  height: number
  startMs: number | undefined
  filmUs: number
}

// Where idle time is cut it must be known when something happened, and everything is decoded.
async function measure(stored: AsyncIterable<Uint8Array>, idleUs: number): Promise<Measured> {
  const found: Measured = { width: 0, height: 0, startMs: undefined, filmUs: 0 }
  let endUs = 0
  const pass = (timeUs: number) => {
    found.filmUs += Math.min(Math.max(0, timeUs - endUs), idleUs)
    endUs = Math.max(endUs, timeUs)
  }
  for await (const item of readScreen(stored, () => Number.isFinite(idleUs))) {
    if (item.kind === 'gap') pass(item.gap.to)
    if (item.kind === 'sealed' && !Number.isFinite(idleUs)) pass(item.seal.end)
    if (item.kind === 'frame') {
      const { width, height } = sizeOf(item.head)
      const isLargest = width * height > found.width * found.height
      if (isLargest && width * height <= screenPixelsMax) Object.assign(found, { width, height })
      found.startMs ??= startOf(item.head)
    }
    if (item.kind === 'blocks') passAll(item.blocks, pass)
  }
  if (found.width === 0) throw nothingToShow()
  return found
}

function passAll(
  blocks: Extract<ScreenItem, { kind: 'blocks' }>['blocks'],
  pass: (timeUs: number) => void,
): void {
  try {
    for (const { timeMs } of blocks) pass(timeMs * 1000)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
}

function sizeOf({ init }: Head): { width: number; height: number } {
  if (init === undefined) throw new FormatError('server-init', 'A frame of a screen does not say its size.')
  return parseServerInit(fromBase64url(init) ?? new Uint8Array(0))
}

function startOf({ wall, start }: Head): number {
  return wall - start / 1000
}
