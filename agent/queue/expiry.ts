import { statfs } from 'node:fs/promises'
import type { Signer } from '../../format/ports.ts'
import type { GapReason } from '../../format/records.ts'
import { replaceByGap } from '../../format/stream-writer.ts'
import type { AgentLog } from '../log.ts'
import { type Spool, writtenMs } from './spool.ts'
import type { SpooledRecording } from './spooled-recording.ts'

// Message life and quota: whole frames go, oldest first, only frames of which no byte was ever sent and never frame 0.
// In their place lies a GAP, durable before they are deleted (I8).

/** Never fill a disk: of its size 10 %, but at most this much, stays free. */
const freeBytesMin = 1024 ** 3

export interface ExpiryOptions {
  spool: Spool
  signer: Signer
  root: string
  messageLifeS: number
  quotaMiB: number
  log: AgentLog
}

export async function expire(options: ExpiryOptions, nowMs: number): Promise<void> {
  const { spool, messageLifeS, quotaMiB, root } = options
  for (const recording of spool.recordings) {
    const old = droppable(recording).filter(
      ({ start, size }) => nowMs - writtenMs(recording, start + size) > messageLifeS * 1000,
    )
    if (old.length > 0) await drop(options, recording, old, 'expired')
  }
  let excess = spool.recordings.reduce((sum, recording) => sum + recording.bytes, 0) - quotaMiB * 1024 ** 2
  excess = Math.max(excess, await missingFreeBytes(root))
  const oldestFirst = spool.recordings.flatMap((recording) =>
    droppable(recording).map((file) => ({ recording, file })),
  )
  oldestFirst.sort((a, b) => writtenMs(a.recording, a.file.start) - writtenMs(b.recording, b.file.start))
  const chosen = new Map<SpooledRecording, ReturnType<typeof droppable>>()
  for (const { recording, file } of oldestFirst) {
    if (excess <= 0) break
    excess -= file.size
    chosen.set(recording, [...(chosen.get(recording) ?? []), file])
  }
  for (const [recording, files] of chosen) await drop(options, recording, files, 'quota')
}

/** Sealed frames behind frame 0 of which nothing was sent. They follow each other, but for GAPs in between. */
function droppable(recording: SpooledRecording) {
  const { state, sentFrom, endSize } = recording.record
  return recording.files.filter(
    ({ start, size, kind }) =>
      kind === 'frame' &&
      start > 0 &&
      start > sentFrom &&
      start + size <= state.offset &&
      (endSize === undefined || start < state.offset),
  )
}

async function drop(
  options: ExpiryOptions,
  recording: SpooledRecording,
  files: ReturnType<typeof droppable>,
  reason: GapReason,
) {
  const { written } = recording.record.state
  for (const run of runs(files)) {
    const from = run[0]!.start
    const to = run.at(-1)!.start + run.at(-1)!.size
    const before = written.findLast((part) => part.offset < from)
    const last = written.findLast((part) => part.offset < to)
    if (!before || !last) continue
    const frame = replaceByGap(
      {
        recording: recording.recording,
        fromUs: before.endUs,
        toUs: last.endUs,
        reason,
        previous: before.chain,
        through: last.chain,
        lostBytes: to - from,
      },
      to - from,
      options.signer,
    )
    await recording.replace(run, frame)
    options.log.warn(
      { code: 'data-lost', recording: recording.recording, reason, bytes: to - from },
      `data lost while recording ${recording.recording}`,
    )
  }
}

/** Files that lie one behind the other. One GAP must fit into what it replaces: a lone tiny frame stays. */
function runs(files: ReturnType<typeof droppable>): ReturnType<typeof droppable>[] {
  const all: ReturnType<typeof droppable>[] = []
  for (const file of files) {
    const last = all.at(-1)?.at(-1)
    if (last && last.start + last.size === file.start) all.at(-1)!.push(file)
    else all.push([file])
  }
  return all.filter((run) => run.reduce((sum, file) => sum + file.size, 0) > 1024)
}

async function missingFreeBytes(root: string): Promise<number> {
  const { bsize, blocks, bavail } = await statfs(root)
  return Math.min(blocks * bsize * 0.1, freeBytesMin) - bavail * bsize
}
