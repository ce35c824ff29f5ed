import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { CommandError } from './command-error.ts'

export interface VideoOptions {
  format: 'gif' | 'mp4'
  width: number
  height: number
  framesPerSecond: number
}

/** What it said last tells why it failed. */
const saidCharactersMax = 2000

const encoders = {
  // A palette for each picture: one for all would have to wait, in memory, for the last picture.
  gif: [
    '-vf',
    'split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1:dither=none',
    '-f',
    'gif',
  ],
  // Readable letters first; what stands still costs nothing.
  mp4: [
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20', '-pix_fmt', 'yuv420p'],
    ...['-movflags', '+faststart', '-f', 'mp4'],
  ],
} as const

/** The site's ffmpeg, fed with pictures. `end` or `cancel` must be called. */
export class Ffmpeg {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #said = ''

  /** Throws CommandError `ffmpeg` where there is none. */
  static async open(path: string, options: VideoOptions): Promise<Ffmpeg> {
    const { format, width, height, framesPerSecond } = options
    const input = ['-f', 'rawvideo', '-pixel_format', 'rgb24', '-video_size', `${width}x${height}`]
    const args = ['-hide_banner', '-loglevel', 'error', ...input, '-framerate', String(framesPerSecond)]
    const child = spawn('ffmpeg', [...args, '-i', 'pipe:0', ...encoders[format], '-y', `file:${path}`], {
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    try {
      await once(child, 'spawn')
    } catch (error) {
      throw new CommandError(
        'ffmpeg',
        `ffmpeg makes ${format}, and it could not be started: ${(error as Error).message}.`,
        "Install it ('apt install ffmpeg'), or export --format cast or png, which need none.",
      )
    }
    return new Ffmpeg(child)
  }

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stderr!.on('data', (bytes: Buffer) => {
      this.#said = (this.#said + bytes.toString()).slice(-saidCharactersMax)
    })
    // That it reads no more is told by how it ends.
    child.stdin!.on('error', () => undefined)
    this.#ended = once(child, 'close').then(([status]) => {
      if (status === 0) return
      throw new CommandError(
        'ffmpeg',
        `ffmpeg ended with ${status}: ${this.#said.trim()}`,
        'Is the disk full, or was it built without this format?',
      )
    })
    this.#ended.catch(() => undefined)
  }

  /** One picture more. Waits until it is taken; rejects when ffmpeg has ended. */
  async frame(rgb: Uint8Array): Promise<void> {
    const { stdin } = this.#child
    if (stdin!.write(rgb)) return
    // What broke the pipe is told by how it ends.
    await Promise.race([once(stdin!, 'drain').catch(() => this.#ended), this.#ended])
  }

  /** Resolves when the file is whole. */
  async end(): Promise<void> {
    this.#child.stdin!.end()
    await this.#ended
  }

  async cancel(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended.catch(() => undefined)
  }
}
