import { readRecording } from '../codec/read-recording.ts'
import { isRecordingId } from '../format/recording-id.ts'
import { ShownText } from '../format/shown-text.ts'
import type { TimelineEvent, TimelineHeader } from '../format/timeline.ts'
import type { Client } from './client.ts'
import { CommandError } from './command-error.ts'
import { keysOf } from './keys.ts'
import { openInput } from './open-input.ts'
import { type LostRange, Playback } from './playback.ts'
import { Progress } from './progress.ts'
import { TerminalPlayer } from './terminal-player.ts'

export interface PlayOptions {
  speed: number
  /** Seconds. */
  idle?: number
}

const enter = '\u001b[?1049h\u001b[2J'
const leave = '\u001b[0m\u001b[?25h\u001b[?1049l'

async function refuseDesktop(client: Client, id: string): Promise<void> {
  const { type } = await client.call<{ type: string }>('GET', `/api/recordings/${id}`)
  if (type !== 'desktop') return
  throw new CommandError('desktop', 'A terminal cannot show a desktop.', 'Watch it in the browser.', 2)
}

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
  if (isRecordingId(target)) await refuseDesktop(await client(), target)
  const source = isRecordingId(target)
    ? await (await client()).download(`/api/recordings/${target}/streams/cast`)
    : await openInput(target)
  const playback = await load(source)
  const player = new TerminalPlayer(playback, {
    speed: options.speed,
    ...(options.idle !== undefined && { idleMs: options.idle * 1000 }),
    // Some terminals say 0.
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    write: (text) => stdout.write(text),
  })
  const onKeys = (bytes: Buffer) => {
    for (const key of keysOf(bytes.toString('latin1'))) player.press(key)
  }
  const onResize = () => player.redraw()
  const onSignal = () => player.press({ kind: 'quit' })
  stdin.setRawMode(true)
  stdin.on('data', onKeys)
  stdout.on('resize', onResize)
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.once(signal, onSignal)
  stdout.write(enter)
  try {
    await player.run()
  } finally {
    stdout.write(leave)
    stdout.off('resize', onResize)
    stdin.off('data', onKeys)
    stdin.setRawMode(false)
    stdin.pause()
    playback.close()
  }
}

async function load(stored: AsyncIterable<Uint8Array>): Promise<Playback> {
  const progress = new Progress('loading')
  let header: TimelineHeader | undefined
  const events: TimelineEvent[] = []
  const lost: LostRange[] = []
  let output: ShownText | undefined
  const take = (event: TimelineEvent) => {
    output ??= new ShownText(event.code === 'e' && event.data.includes('"type":"command"'))
    events.push({ ...event, data: output.take(event) ?? event.data })
  }
  try {
    for await (const item of readRecording(progress.count(stored))) {
      if (item.kind === 'header') header = item.header
      if (item.kind === 'events') for (const event of item.events) take(event)
      if (item.kind === 'gap')
        lost.push({ fromUs: item.gap.from, toUs: item.gap.to, reason: item.gap.reason })
    }
  } finally {
    progress.end()
  }
  if (!header)
    throw new CommandError('empty', 'Nothing in this recording can be played yet.', 'Is it still being sent?')
  return new Playback(header, events, lost)
}
