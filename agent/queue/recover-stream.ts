import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tryInflate } from '../../codec/zstd.ts'
import { concatBytes, equalBytes } from '../../format/bytes.ts'
import { FormatError } from '../../format/format-error.ts'
import { FrameScanner } from '../../format/frame-scanner.ts'
import { bytesOfText } from '../../format/output-text.ts'
import {
  type End,
  type Gap,
  type Head,
  parseRecord,
  type Seal,
  type SourcePosition,
} from '../../format/records.ts'
import { type RepairedBody, repairBody } from '../../format/repair.ts'
import type { StreamWriter } from '../../format/stream-writer.ts'
import type { TimelineEvent } from '../../format/timeline.ts'
import { TimelineDecoder } from '../../format/timeline-decoder.ts'
import { positionBehind } from '../capture/pipe-position.ts'
import type { Resume } from './session-record.ts'
import { spoolFileName } from './spool-file.ts'
import type { SpooledStream } from './spooled-stream.ts'

// After a crash or a failed write: brings the queue's last file to a boundary, so that recording goes on behind it. A
// whole part that the log of parts does not have yet is taken as it is, since it may have been sent; a torn BODY is cut,
// closed and sealed (FORMAT.md, Repair); what has not one whole flush was never sent and goes.

/**
 * Resolves true when END is whole: nothing is left to record. Else `spooled.resume` says where the recorder's logs go on.
 * `writer` is as of `spooled.state`, and is brought along.
 */
export async function recoverStream(spooled: SpooledStream, writer: StreamWriter): Promise<boolean> {
  await spooled.cutAfterFailure()
  const last = spooled.files.at(-1)
  if (!last || last.kind === 'gap' || last.start < writer.offset) return false
  const bytes = await readFile(join(spooled.dir, spoolFileName(last)))
  const parts = takeApart(bytes)
  if (parts.end && (await takeEnd(spooled, writer, parts.end, bytes))) return true
  if (parts.gap && (await takeGap(spooled, writer, parts.gap, bytes))) return false
  if (!(parts.head && (await takeFrame(spooled, writer, parts.head, parts, bytes)))) await spooled.dropLast()
  return false
}

async function takeEnd(
  spooled: SpooledStream,
  writer: StreamWriter,
  end: End,
  bytes: Uint8Array,
): Promise<boolean> {
  if (end.previous !== writer.state.chain) return false
  const { end: endUs, reason, exit, signal } = end
  const status = { ...(exit !== undefined && { exit }), ...(signal !== undefined && { signal }) }
  const written = concatBytes(writer.end({ endUs, reason, ...status }))
  const whole = equalBytes(written, bytes)
  await spooled.reopen(whole ? bytes.length : 0)
  if (!whole) await spooled.append([written])
  await spooled.sync()
  return true
}

async function takeGap(
  spooled: SpooledStream,
  writer: StreamWriter,
  gap: Gap,
  bytes: Uint8Array,
): Promise<boolean> {
  if (gap.previous !== writer.state.chain) return false
  const { from: fromUs, to: toUs, reason, bytes: lostBytes } = gap
  const frame = writer.gap({ fromUs, toUs, reason, ...(lostBytes !== undefined && { lostBytes }) })
  const whole = equalBytes(frame, bytes.subarray(0, frame.length))
  await spooled.reopen(whole ? frame.length : 0)
  if (!whole) await spooled.append([frame])
  await spooled.boundary(writer.last!, undefined)
  return true
}

async function takeFrame(
  spooled: SpooledStream,
  writer: StreamWriter,
  head: Head,
  { headBytes, body, seal }: Parts,
  bytes: Uint8Array,
): Promise<boolean> {
  if (head.offset !== writer.offset || head.frame !== writer.frame || !head.source) return false
  const repaired = repairWholeLines(body)
  if (!repaired) return false
  const events = eventsOf(repaired.raw, writer.frame === 0)
  if (!events) return false
  const endUs = seal?.end ?? Math.max(head.start, events.at(-1)?.timeUs ?? 0)
  writer.resume(bytes.subarray(0, headBytes))
  writer.body(repaired.body)
  const sealed = writer.seal({ endUs, rawBytes: repaired.raw.length })
  await spooled.reopen(headBytes + repaired.keptBytes)
  await spooled.append([repaired.body.subarray(repaired.keptBytes), sealed])
  await spooled.boundary(writer.last!, resumeBehind(head.source, events))
  return true
}

// Every flush ends with a line, but a crash may have left blocks of one that was on its way.
function repairWholeLines(torn: Uint8Array): RepairedBody | undefined {
  let repaired = repairBody(torn, tryInflate)
  while (repaired && repaired.raw.at(-1) !== 10)
    repaired = repairBody(torn.subarray(0, repaired.keptBytes - 1), tryInflate)
  return repaired
}

interface Parts {
  head?: Head
  headBytes: number
  body: Uint8Array
  seal?: Seal
  gap?: Gap
  end?: End
}

// As much of one file as is whole; the BODY as it lies there, torn or not.
function takeApart(bytes: Uint8Array): Parts {
  const scanner = new FrameScanner()
  scanner.push(bytes)
  const parts: Parts = { headBytes: 0, body: new Uint8Array(0) }
  try {
    for (let part = scanner.next(); part; part = scanner.next()) {
      if (part.kind === 'head') {
        parts.head = parseRecord('head', part.payload)
        parts.headBytes = part.size
        parts.body = bytes.subarray(part.size)
      }
      if (part.kind === 'body' && part.last)
        parts.body = bytes.subarray(parts.headBytes, part.offset + part.bytes.length)
      if (part.kind === 'seal') parts.seal = parseRecord('seal', part.payload)
      if (part.kind === 'gap') parts.gap = parseRecord('gap', part.payload)
      if (part.kind === 'end') parts.end = parseRecord('end', part.payload)
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  return parts
}

function eventsOf(raw: Uint8Array, headerExpected: boolean): TimelineEvent[] | undefined {
  try {
    return new TimelineDecoder({ headerExpected }).push(raw)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function resumeBehind(source: SourcePosition, events: TimelineEvent[]): Resume {
  if (source.err !== undefined) return { source: positionBehind(source, events), outputBytes: 0, resizes: 0 }
  if (source.events !== undefined)
    return {
      source: { ...source, events: source.events + events.length },
      outputBytes: 0,
      resizes: 0,
    }
  let outputBytes = 0
  let resizes = 0
  for (const event of events) {
    if (event.code === 'o') outputBytes += bytesOfText(event.data).length
    if (event.code === 'r') resizes += 1
  }
  return { source, outputBytes, resizes }
}
