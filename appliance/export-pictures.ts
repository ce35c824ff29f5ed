import { rm, writeFile } from 'node:fs/promises'
import { renameFile } from '../disk/folder.ts'
import { encodePng } from '../screen/encode-image.ts'
import type { Pixels } from '../screen/paint-screen.ts'
import { StampedPictures } from '../screen/stamped-pictures.ts'
import { Ffmpeg } from './ffmpeg.ts'
import { film, measure, screenOf } from './film.ts'
import { Progress } from './progress.ts'

/** Typing looks smooth; twice as many double what is to be encoded. */
const framesPerSecond = 10
/** The end is looked at. */
const endShownS = 2

export interface PictureOptions {
  out: string
  format: 'gif' | 'mp4' | 'png'
  /** Seconds; the end where it is left out. */
  at?: number
  /** Seconds. */
  idle?: number
  speed: number
  clock: boolean
}

/** `open` gives the recording's stored bytes from the beginning each time. */
export type OpenStored = () => Promise<AsyncIterable<Uint8Array>>

/** Draws a terminal recording: one moment of it as png, or all of it as a video. */
export async function exportPictures(open: OpenStored, options: PictureOptions): Promise<void> {
  const { out, format } = options
  const temp = `${out}.part`
  const progress = new Progress('exporting')
  try {
    // For nobody else's eyes, whoever writes it.
    await writeFile(temp, format === 'png' ? await pngOf(open, options) : '', { mode: 0o600 })
    if (format !== 'png') await writeVideo(open, temp, { ...options, format }, progress)
    await renameFile(temp, out)
  } catch (error) {
    await rm(temp, { force: true })
    throw error
  } finally {
    progress.end()
  }
}

async function pngOf(open: OpenStored, { at, clock }: PictureOptions): Promise<Uint8Array> {
  const timeUs = at === undefined ? Number.POSITIVE_INFINITY : at * 1e6
  const found = await screenOf(await open(), timeUs)
  const { cols: columns, rows } = found.screen.terminal
  const pictures = new StampedPictures({ columns, rows, startMs: found.startMs, clock })
  const pixels = await pictures.paint(found.screen.terminal, found.timeUs, noteOf(found.lost))
  found.screen.dispose()
  return encodePng(pixels)
}

async function writeVideo(
  open: OpenStored,
  path: string,
  options: PictureOptions & { format: 'gif' | 'mp4' },
  progress: Progress,
): Promise<void> {
  const { format, clock, speed } = options
  const idleUs = options.idle === undefined ? Number.POSITIVE_INFINITY : options.idle * 1e6
  const { filmUs, ...measured } = await measure(await open(), idleUs)
  const pictures = new StampedPictures({ ...measured, clock })
  const { width, height } = pictures
  const ffmpeg = await Ffmpeg.open(path, { format, width, height, framesPerSecond })
  try {
    let last: Pixels | undefined
    let secondShown = -1
    for await (const shot of film(await open(), { idleUs, stepUs: (speed * 1e6) / framesPerSecond })) {
      const second = Math.floor(shot.timeUs / 1e6)
      if (!last || shot.fresh || (clock && second !== secondShown)) {
        last = await pictures.paint(shot.screen.terminal, shot.timeUs, noteOf(shot.lost))
        secondShown = second
      }
      progress.at(filmUs === 0 ? 1 : shot.filmUs / filmUs)
      await ffmpeg.frame(last.rgb)
    }
    for (let i = 1; last && i < endShownS * framesPerSecond; i++) await ffmpeg.frame(last.rgb)
    await ffmpeg.end()
  } catch (error) {
    await ffmpeg.cancel()
    throw error
  }
}

function noteOf(lost: string | undefined): string {
  return lost === undefined ? '' : `DATA LOST HERE: ${lost}`
}
