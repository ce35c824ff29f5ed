import { statfs } from 'node:fs/promises'
import type { Signer } from '../../format/ports.ts'
import type { GapReason } from '../../format/records.ts'
import { replaceByGap } from '../../format/stream-writer.ts'
import type { AgentLog } from '../log.ts'
import { endOf, partBelow } from './part-log.ts'
import { type Spool, writtenMs } from './spool.ts'
import type { QueuedFile } from './spool-files.ts'
import type { SpooledStream } from './spooled-stream.ts'

// Message life and quota: whole frames go, oldest first, only frames of which no byte was ever sent and never frame 0.
// In their place lies a GAP, durable before they are deleted (I8).

/** SPEC S10, never fill a disk: this share of its size, but at most so much, stays free. */
const freeShareMin = 0.1
const freeBytesMin = 1024 ** 3
/** A GAP must fit into what it replaces: a lone tiny frame stays. */
const spanBytesMin = 1024

/** How often message life and quota are looked at. */
const expiryMs = 10_000

export interface ExpiryOptions {
  spool: Spool
  /** Who signs for a recording. */
  signerOf(agent: string | undefined): Signer
  root: string
  messageLifeS: number
  quotaMiB: number
  log: AgentLog
}

/** Keeps the queue within its limits until closed. */
export function startExpiry(options: ExpiryOptions): { close(): Promise<void> } {
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= expire(options, expiryNowMs())
      .catch((error: Error) =>
        options.log.error({ code: 'expiry', error: error.message }, 'the queue cannot be trimmed'),
      )
      .finally(() => {
        running = undefined
      })
  }, expiryMs)
  return {
    async close() {
      clearInterval(timer)
      await running
    },
  }
}

/** A wall clock that was set forward has not aged what waits: the time since this agent's start counts too. */
function expiryNowMs(): number {
  return Math.min(Date.now(), performance.timeOrigin + performance.now())
}

export async function expire(options: ExpiryOptions, nowMs: number): Promise<void> {
  const { spool, messageLifeS, quotaMiB, root } = options
  for (const spooled of spool.streams) {
    const old = droppable(spooled).filter(
      ({ start, size }) => nowMs - writtenMs(spooled, start + size) > messageLifeS * 1000,
    )
    await drop(options, spooled, old, 'expired')
  }
  let excess = spool.streams.reduce((sum, { bytes }) => sum + bytes, 0) - quotaMiB * 1024 ** 2
  excess = Math.max(excess, await missingFreeBytes(root))
  if (excess <= 0) return
  const oldestFirst = spool.streams
    .flatMap((spooled) =>
      droppable(spooled).map((file) => ({ spooled, file, ms: writtenMs(spooled, file.start) })),
    )
    .sort((a, b) => a.ms - b.ms)
  const chosen = new Map<SpooledStream, Readonly<QueuedFile>[]>()
  for (const { spooled, file } of oldestFirst) {
    if (excess <= 0) break
    excess -= file.size
    const files = chosen.get(spooled)
    if (files) files.push(file)
    else chosen.set(spooled, [file])
  }
  for (const [spooled, files] of chosen) await drop(options, spooled, files, 'quota')
}

/** Whole frames behind frame 0 of which nothing was sent. They follow each other, but for GAPs in between. */
function droppable(spooled: SpooledStream): Readonly<QueuedFile>[] {
  const { offset } = spooled.state
  const { sentFrom } = spooled.record
  return spooled.files.filter(
    ({ start, size, kind }) => kind === 'frame' && start > 0 && start > sentFrom && start + size <= offset,
  )
}

async function drop(
  options: ExpiryOptions,
  spooled: SpooledStream,
  files: readonly Readonly<QueuedFile>[],
  reason: GapReason,
): Promise<void> {
  const { written } = spooled.state
  for (const fresh of runs(files)) {
    const run = withGapBefore(spooled, fresh)
    if (endOfFile(run.at(-1)!) - run[0]!.start < spanBytesMin) continue
    const from = run[0]!.start
    const to = endOfFile(run.at(-1)!)
    const before = partBelow(written, from)
    const last = partBelow(written, to)
    if (!before || !last || endOf(before) !== from || endOf(last) !== to) continue
    const frame = replaceByGap(
      {
        recording: spooled.recording,
        fromUs: before.endUs,
        toUs: last.endUs,
        reason,
        previous: before.chain,
        through: last.chain,
        lostBytes: to - from,
      },
      to - from,
      options.signerOf(spooled.record.agent),
    )
    if (!(await spooled.replace(run, frame))) continue
    options.log.warn(
      { code: 'data-lost', recording: spooled.recording, reason, bytes: to - from },
      `data lost while recording ${spooled.recording}`,
    )
  }
}

// What goes bit by bit for weeks becomes one GAP.
function withGapBefore(spooled: SpooledStream, run: Readonly<QueuedFile>[]): Readonly<QueuedFile>[] {
  const before = spooled.files[spooled.files.indexOf(run[0]!) - 1]
  const joins = before?.kind === 'gap' && endOfFile(before) === run[0]!.start
  return joins && before.start > spooled.record.sentFrom ? [before, ...run] : run
}

/** Files that lie one behind the other. */
function runs(files: readonly Readonly<QueuedFile>[]): Readonly<QueuedFile>[][] {
  const all: Readonly<QueuedFile>[][] = []
  for (const file of files) {
    const run = all.at(-1)
    const last = run?.at(-1)
    if (run && last && endOfFile(last) === file.start) run.push(file)
    else all.push([file])
  }
  return all
}

function endOfFile({ start, size }: Readonly<QueuedFile>): number {
  return start + size
}

async function missingFreeBytes(root: string): Promise<number> {
  const { bsize, blocks, bavail } = await statfs(root)
  return keptFreeBytes(blocks * bsize) - bavail * bsize
}

export function keptFreeBytes(diskBytes: number): number {
  return Math.min(diskBytes * freeShareMin, freeBytesMin)
}
