import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import {
  type DesktopRecorder,
  type RecordDesktopOptions,
  recordDesktop,
} from '../../agent/capture/desktop/desktop-recorder.ts'
import type { ScreenSource } from '../../agent/capture/desktop/screen-source.ts'
import type { ScreenStreamOptions } from '../../agent/capture/desktop/screen-stream.ts'
import type { StreamSink } from '../../agent/capture/desktop/stream-sink.ts'
import type { Facts } from '../../format/records.ts'
import { StreamVerifier } from '../../format/stream-verifier.ts'
import type { VerifyReport } from '../../format/verify-report.ts'
import { type Desktop, parkPointer } from './desktop.ts'
import { eventually } from './eventually.ts'
import { type FileSink, openFileSink } from './file-sink.ts'
import { type Area, difference, type Picture } from './picture.ts'
import { fbsBlocks, type RecordedRectangle, rectangles, replay, zstdcatLive } from './replay.ts'
import { crypto, makeIdentities, sampleId, facts as terminalFacts } from './sample-stream.ts'

// A recorder of a desktop into a file, and what the file shows.

export const identities = makeIdentities()

export interface RecordedDesktop {
  readonly recorder: DesktopRecorder
  readonly sink: FileSink
  readonly facts: Facts
  readonly dir: string
  /** What the recorder told: codes. */
  readonly told: string[]
  /** The screen as recorded until now. */
  picture(untilMs?: number): Promise<Picture>
  /** Rectangles recorded until now. */
  rectangles(): Promise<RecordedRectangle[]>
  /** ms since the recording's start. */
  now(): number
  verify(): Promise<VerifyReport>
}

/** A window opens, moves, and the screen gets `size`: marked before and after each. */
export async function markedMoments(
  recorded: RecordedDesktop,
  desktop: Desktop,
  size: string,
): Promise<Mark[]> {
  const marks = [await mark(recorded, desktop.picture)]
  const shell = await desktop.xterm('shell', { geometry: '70x20+20+20', command: 'ls -l /usr/bin; exec cat' })
  marks.push(await mark(recorded, desktop.picture))
  await desktop.run('xdotool', 'windowmove', shell, '200', '150')
  marks.push(await mark(recorded, desktop.picture))
  await desktop.run('xrandr', '-s', size)
  await parkPointer(desktop)
  marks.push(await mark(recorded, desktop.picture))
  await recorded.recorder.stop('stopped')
  await recorded.recorder.done
  return marks
}

export function streamOptions(sink: StreamSink, facts: Facts): ScreenStreamOptions {
  const { agent: signer, certificate } = identities
  return { sink, recording: sampleId(), facts, signer, crypto, certificate }
}

export interface RecordOptions extends Partial<RecordDesktopOptions> {
  dir?: string
  startedMs?: number
  /** Stands between the recorder and the file. */
  wrap?: (sink: StreamSink) => StreamSink
}

export async function record(
  t: ExecutionContext,
  source: ScreenSource,
  options: RecordOptions = {},
): Promise<RecordedDesktop> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'tapedeck-screen-')))
  const sink = await openFileSink(dir)
  const startedMs = options.startedMs ?? Date.now()
  const facts: Facts = { ...terminalFacts, type: 'desktop', command: 'Xvnc', term: '', startedMs }
  const told: string[] = []
  const tell = (facts: object) => void told.push(String((facts as { code?: unknown }).code))
  const recorder = recordDesktop({
    source,
    ...streamOptions(options.wrap?.(sink) ?? sink, facts),
    // What else runs on this machine is no part of the test.
    loadShare: async () => 0,
    log: { info: tell, warn: tell, error: tell },
    ...options,
  })
  recorder.setWatched(true)
  t.teardown(async () => {
    await recorder.close()
    await sink.close()
    await rm(dir, { recursive: true, force: true })
  })
  return {
    recorder,
    sink,
    facts,
    dir,
    told,
    now: () => Date.now() - startedMs,
    picture: async (untilMs) => replay(fbsBlocks(await zstdcatLive(sink.path)), untilMs),
    rectangles: async () => rectangles(fbsBlocks(await zstdcatLive(sink.path))),
    async verify() {
      const verifier = new StreamVerifier(identities.farm.publicKey, crypto)
      verifier.push(await readFile(sink.path))
      return verifier.finish()
    },
  }
}

/** A moment at which the recording shows what the X server shows. */
export interface Mark {
  timeMs: number
  picture: Picture
}

/** Waits until the recording shows what the X server shows (but in `except`), and both stand still. */
export async function mark(
  recorded: RecordedDesktop,
  shown: () => Promise<Picture>,
  except?: Area,
): Promise<Mark> {
  return eventually(
    async () => {
      const picture = await shown()
      const differs = difference(picture, await recorded.picture(), except)
      if (differs) throw new Error(differs)
      const timeMs = recorded.now()
      const again = difference(picture, await shown(), except)
      if (again) throw new Error(`The screen goes on: ${again}`)
      return { timeMs, picture }
    },
    { timeoutMs: 60_000, everyMs: 200 },
  )
}
