import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { bootId } from '../../agent/capture/process-name.ts'
import { readSessionFile } from '../../agent/capture/session-file.ts'
import { SessionRecorder } from '../../agent/capture/session-recorder.ts'
import { StreamRecorder } from '../../agent/capture/stream-recorder.ts'
import { TimelineRecorder } from '../../agent/capture/timeline-recorder.ts'
import type { AgentLog } from '../../agent/log.ts'
import { Spool } from '../../agent/queue/spool.ts'
import type { SpooledStream } from '../../agent/queue/spooled-stream.ts'
import { timelineWriter } from '../../agent/queue/timeline-writer.ts'
import { inflateFrame } from '../../codec/zstd.ts'
import { concatBytes } from '../../format/bytes.ts'
import { FrameScanner } from '../../format/frame-scanner.ts'
import { bytesOfText } from '../../format/output-text.ts'
import { skippableSpanBytes } from '../../format/skippable.ts'
import { StreamVerifier } from '../../format/stream-verifier.ts'
import type { TimelineEvent } from '../../format/timeline.ts'
import { TimelineDecoder } from '../../format/timeline-decoder.ts'
import type { VerifyReport } from '../../format/verify-report.ts'
import { crypto, facts, type Identities, sampleId } from '../helpers/sample-stream.ts'

// The agent's parts as agent.ts puts them together, in a folder of a test.

export interface Said {
  level: 'info' | 'warn' | 'error'
  code: string
  facts: Record<string, unknown>
  text: string
}

export function collectLog(): AgentLog & { said: Said[]; codes(): string[] } {
  const said: Said[] = []
  const sayer = (level: Said['level']) => (facts: object, text: string) => {
    const { code = '' } = facts as { code?: string }
    said.push({ level, code, facts: facts as Record<string, unknown>, text })
  }
  return {
    said,
    codes: () => said.map(({ code }) => code),
    info: sayer('info'),
    warn: sayer('warn'),
    error: sayer('error'),
  }
}

/** This test as a recorder that runs. */
export function aliveRecorder(): { pid: number; ticks: string; boot: string } {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const ticks = stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[19]!
  return { pid: process.pid, ticks, boot: bootId() }
}

/** A recording for the session that is announced in `<run>/<folder>`. */
export async function spoolSession(spool: Spool, run: string, folder: string): Promise<SpooledStream> {
  const session = await readSessionFile(join(run, folder))
  if (!session) throw new Error('No session is announced.')
  const recording = sampleId(Math.random())
  return spool.create({ version: 1, recording, stream: 'cast', folder, session, sentFrom: -1 })
}

export function recorderOf(
  spooled: SpooledStream,
  run: string,
  identities: Identities,
  log: AgentLog = collectLog(),
): SessionRecorder {
  const { agent: signer, certificate } = identities
  return new SessionRecorder({
    dir: join(run, spooled.record.folder),
    spooled,
    signer,
    crypto,
    certificate,
    log,
  })
}

/** A copy of the agent's folders, `spool` and `run`, as a crash leaves them; without one it is the same place. */
export async function copyHome(from: string, to: string): Promise<string> {
  await mkdir(to, { recursive: true })
  for (const name of ['spool', 'run'])
    await cp(join(from, name), join(to, name), { recursive: true, force: true })
  return to
}

/** Loads the spool of `home` and records every session in it to its end, as an agent that starts there. */
export async function recordToEnd(
  home: string,
  identities: Identities,
  log: AgentLog = collectLog(),
): Promise<Recorded[]> {
  const { spool, bad } = await Spool.open(join(home, 'spool'))
  try {
    if (bad.length > 0) throw new Error(`Put aside: ${bad}`)
    const all: Recorded[] = []
    for (const spooled of spool.streams) {
      await recorderOf(spooled, join(home, 'run'), identities, log).run()
      all.push(await read(await streamBytes(spooled), identities))
    }
    return all
  } finally {
    await spool.close()
  }
}

export interface Recorded {
  bytes: Uint8Array
  report: VerifyReport
  events: TimelineEvent[]
  /** The terminal's output. */
  output: Uint8Array
  sizes: string[]
}

/** The whole stream as the queue has it. */
export async function streamBytes(spooled: SpooledStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let at = 0
  for (const { start, size, kind } of spooled.files) {
    if (start !== at) throw new Error(`Nothing lies from ${at} to ${start}.`)
    const name = `${String(start).padStart(20, '0')}.${kind}`
    const bytes = await readFile(join(spooled.dir, name))
    const span = kind === 'gap' ? skippableSpanBytes(bytes) : size
    parts.push(bytes, new Uint8Array(span - bytes.length))
    at += span
  }
  return concatBytes(parts)
}

/** What a stream has, and what the verifier finds. Every line of it must be whole. */
export async function read(bytes: Uint8Array, identities: Identities): Promise<Recorded> {
  const verifier = new StreamVerifier(identities.farm.publicKey, crypto)
  verifier.push(bytes)
  const report = verifier.finish(bytes.length)
  const scanner = new FrameScanner()
  scanner.push(bytes)
  const bodies: Uint8Array[] = []
  let body: Uint8Array[] = []
  for (let part = scanner.next(); part; part = scanner.next()) {
    if (part.kind !== 'body') continue
    body.push(part.bytes)
    if (!part.last) continue
    const raw = await inflateFrame(concatBytes(body))
    if (raw.at(-1) !== 10) throw new Error('A frame ends within a line.')
    bodies.push(raw)
    body = []
  }
  const events = new TimelineDecoder({ headerExpected: true }).push(concatBytes(bodies))
  return {
    bytes,
    report,
    events,
    output: concatBytes(events.filter(({ code }) => code === 'o').map(({ data }) => bytesOfText(data))),
    sizes: events.filter(({ code }) => code === 'r').map(({ data }) => data),
  }
}

/** In memory where there is such a place: hundreds of rounds that sync would keep a disk busy for nothing. */
export async function fastFolder(t: ExecutionContext): Promise<string> {
  const root = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const folder = await mkdtemp(join(root, 'tapedeck-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Printable characters without a pattern. */
export function noise(size: number, seed: number): Uint8Array {
  let state = seed * 2_654_435_761
  return Uint8Array.from({ length: size }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return 32 + ((state >>> 8) % 95)
  })
}

/** A recording in `home`'s queue with a sealed frame for each number: how many bytes the terminal showed in it. */
export async function queueFrames(
  home: string,
  identities: Identities,
  frames: readonly number[],
  options: { end?: boolean; seed?: number; everyUs?: number } = {},
): Promise<{ spool: Spool; spooled: SpooledStream; output: Uint8Array }> {
  const { end = true, seed = 1, everyUs = 1_000_000 } = options
  const { spool } = await Spool.open(join(home, 'spool'))
  const recording = sampleId(seed)
  const session = { facts, pid: 2 ** 22 + 1, ticks: '1', boot: bootId() }
  const folder = `f-${seed}`
  const spooled = await spool.create({ version: 1, recording, stream: 'cast', folder, session, sentFrom: -1 })
  const { agent: signer, certificate } = identities
  const writer = timelineWriter(spooled, { signer, crypto, certificate })
  const timeline = new TimelineRecorder(new StreamRecorder(spooled, writer))
  const shown: Uint8Array[] = []
  const at = { out: 0, timing: 0, time: 0 }
  await timeline.begin(session, '', at)
  let timeUs = 0
  for (const [i, size] of frames.entries()) {
    timeUs += everyUs
    // Nothing that compresses well, so that a frame's size follows from what it shows.
    const bytes = noise(size, i + 1)
    shown.push(bytes)
    await timeline.write([{ kind: 'output', timeUs, bytes }], { before: at, after: at })
    await timeline.stream.seal()
  }
  if (end) {
    await timeline.end(at, 'exit', { exit: 0 })
    await spooled.update({ endSize: spooled.durable })
  }
  return { spool, spooled, output: concatBytes(shown) }
}
