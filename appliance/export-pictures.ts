import { rm, writeFile } from 'node:fs/promises'
import { renameFile } from '../disk/folder.ts'
import { encodePng } from '../screen/encode-image.ts'
import type { Pixels } from '../screen/paint-screen.ts'
import type { Drawing } from './drawing.ts'
import { Ffmpeg } from './ffmpeg.ts'
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

/** Draws a recording: one moment of it as png, or all of it as a video. */
export async function exportPictures(drawing: Drawing, options: PictureOptions): Promise<void> {
  const { out, format } = options
  const temp = `${out}.part`
  const progress = new Progress('exporting')
  try {
    // For nobody else's eyes, whoever writes it.
    await writeFile(temp, format === 'png' ? await pngOf(drawing, options) : '', { mode: 0o600 })
    if (format !== 'png') await writeVideo(drawing, temp, { ...options, format }, progress)
    await renameFile(temp, out)
  } catch (error) {
    await rm(temp, { force: true })
    throw error
  } finally {
    progress.end()
  }
}

async function pngOf(drawing: Drawing, { at, clock }: PictureOptions): Promise<Uint8Array> {
  return encodePng(await drawing.moment(at === undefined ? Number.POSITIVE_INFINITY : at * 1e6, clock))
}

async function writeVideo(
  drawing: Drawing,
  path: string,
  options: PictureOptions & { format: 'gif' | 'mp4' },
  progress: Progress,
): Promise<void> {
  const { format, clock, speed } = options
  const idleUs = options.idle === undefined ? Number.POSITIVE_INFINITY : options.idle * 1e6
  const stepUs = (speed * 1e6) / framesPerSecond
  const { width, height, filmUs, shots } = await drawing.film({ idleUs, stepUs, clock })
  const ffmpeg = await Ffmpeg.open(path, { format, width, height, framesPerSecond })
  try {
    let last: Pixels | undefined
    let secondShown = -1
    for await (const shot of shots) {
      const second = Math.floor(shot.timeUs / 1e6)
      if (!last || shot.fresh || (clock && second !== secondShown)) {
        last = await shot.paint()
        secondShown = second
      }
      progress.at(filmUs === 0 ? 1 : Math.min(1, shot.filmUs / filmUs))
      await ffmpeg.frame(last.rgb)
    }
    for (let i = 1; last && i < endShownS * framesPerSecond; i++) await ffmpeg.frame(last.rgb)
    await ffmpeg.end()
  } catch (error) {
    await ffmpeg.cancel()
    throw error
  }
}
