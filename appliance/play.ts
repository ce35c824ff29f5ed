import { createReadStream } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { readRecording } from '../codec/read-recording.ts'
import { isRecordingId } from '../format/recording-id.ts'
import type { TimelineEvent, TimelineHeader } from '../format/timeline.ts'
import type { Client } from './client.ts'
import { CommandError } from './command-error.ts'
import { Playback } from './playback.ts'
import { duration } from './print.ts'
import { ScreenPainter } from './screen-painter.ts'

export interface PlayOptions {
  speed: string
  idle?: string
}

/** A picture this often at most: what a terminal shows without flicker. */
const pictureMs = 33
const speedMin = 0.25
const speedMax = 32

/** Plays a recording on this terminal. Keys: space, ← →, + -, s, Home, End, q. */
export async function play(
  target: string,
  client: () => Promise<Client>,
  options: PlayOptions,
): Promise<void> {
  const { stdin, stdout } = process
  if (!stdin.isTTY || !stdout.isTTY)
    throw new CommandError(
      'no-terminal',
      'play draws on a terminal, and this is none.',
      "Use 'tapedeck export' for its text.",
      2,
    )
  const source = isRecordingId(target)
    ? await (await client()).download(`/api/recordings/${target}/streams/cast`)
    : createReadStream(target)
  const playback = await load(source as AsyncIterable<Buffer>)
  const player = new TerminalPlayer(
    playback,
    Number(options.speed) || 1,
    options.idle ? Number(options.idle) : undefined,
  )
  stdin.setRawMode(true)
  stdin.resume()
  const onKey = (bytes: Buffer) => player.key(bytes.toString('latin1'))
  const onResize = () => player.redraw()
  stdin.on('data', onKey)
  stdout.on('resize', onResize)
  stdout.write('\u001b[?1049h\u001b[2J')
  try {
    await player.run()
  } finally {
    stdout.write('\u001b[0m\u001b[?25h\u001b[?1049l')
    stdout.off('resize', onResize)
    stdin.off('data', onKey)
    stdin.setRawMode(false)
    stdin.pause()
    playback.close()
  }
}

async function load(stored: AsyncIterable<Uint8Array>): Promise<Playback> {
  let header: TimelineHeader | undefined
  const events: TimelineEvent[] = []
  for await (const item of readRecording(stored)) {
    if (item.kind === 'header') header = item.header
    if (item.kind === 'events') for (const event of item.events) events.push(event)
    if (item.kind === 'gap') events.push({ timeUs: item.gap.to, code: 'gap', data: item.gap.reason })
  }
  if (!header)
    throw new CommandError('empty', 'Nothing in this recording can be played yet.', 'Is it still being sent?')
  return new Playback(header, events)
}

class TerminalPlayer {
  readonly #playback: Playback
  readonly #painter = new ScreenPainter()
  readonly #idleMs: number | undefined
  #speed: number
  #atUs = 0
  #playing = true
  #skipIdle = false
  #done = false
  #wake = new AbortController()

  constructor(playback: Playback, speed: number, idleS: number | undefined) {
    this.#playback = playback
    this.#speed = Math.min(speedMax, Math.max(speedMin, speed))
    this.#idleMs = idleS === undefined ? undefined : idleS * 1000
  }

  async run(): Promise<void> {
    let last = performance.now()
    while (!this.#done) {
      await this.#playback.seek(this.#atUs)
      this.#draw()
      await sleep(this.#playing ? pictureMs : 3_600_000, undefined, { signal: this.#wake.signal }).catch(
        () => undefined,
      )
      if (this.#wake.signal.aborted) this.#wake = new AbortController()
      const now = performance.now()
      if (this.#playing) this.#advance((now - last) * 1000 * this.#speed)
      last = now
    }
  }

  redraw(): void {
    this.#painter.clear()
    this.#wake.abort()
  }

  key(key: string): void {
    const step = (seconds: number) => {
      this.#atUs = Math.max(0, Math.min(this.#playback.endUs, this.#atUs + seconds * 1e6))
    }
    if (key === 'q' || key === '\u0003' || key === '\u001b') this.#done = true
    else if (key === ' ') this.#playing = !this.#playing
    else if (key === 's') this.#skipIdle = !this.#skipIdle
    else if (key === '+' || key === '=') this.#speed = Math.min(speedMax, this.#speed * 2)
    else if (key === '-') this.#speed = Math.max(speedMin, this.#speed / 2)
    else if (key === '\u001b[C') step(5)
    else if (key === '\u001b[D') step(-5)
    else if (key === '\u001b[1;5C') step(30)
    else if (key === '\u001b[1;5D') step(-30)
    else if (key === '\u001b[6~') step(60)
    else if (key === '\u001b[5~') step(-60)
    else if (key === '\u001b[H') this.#atUs = 0
    else if (key === '\u001b[F') this.#atUs = this.#playback.endUs
    else return
    this.#wake.abort()
  }

  #advance(us: number): void {
    const target = this.#atUs + us
    const next = this.#playback.nextUs
    const idleUs = this.#skipIdle ? 1_000_000 : (this.#idleMs ?? Number.POSITIVE_INFINITY) * 1000
    // Nothing happens until `next`: no longer than the idle limit is waited for it.
    if (next !== undefined && next - this.#atUs > idleUs) this.#atUs = next - idleUs
    else this.#atUs = target
    if (this.#atUs < this.#playback.endUs) return
    this.#atUs = this.#playback.endUs
    this.#playing = false
  }

  #draw(): void {
    const { columns = 80, rows = 24 } = process.stdout
    const { terminal } = this.#playback
    const at = `${duration(this.#atUs / 1000)} / ${duration(this.#playback.endUs / 1000)}`
    const cut =
      terminal.cols > columns || terminal.rows > rows - 1
        ? `  cut from ${terminal.cols}x${terminal.rows}`
        : ''
    const state = `${this.#playing ? 'playing' : 'paused '} ${at}  ${this.#speed}x${this.#skipIdle ? '  skip idle' : ''}${cut}`
    const bar = `${state}   space  ← →  + -  s  q`.slice(0, columns).padEnd(columns)
    process.stdout.write(
      `\u001b[?25l\u001b[${rows};1H\u001b[0;7m${bar}\u001b[0m${this.#painter.paint(terminal, columns, rows - 1)}\u001b[?25h`,
    )
  }
}
