import { rawScreenBytesMax, tryInflate } from '../../../codec/zstd.ts'
import { fromBase64url } from '../../../format/bytes.ts'
import { FbsReader, wholeBlockBytes } from '../../../format/fbs.ts'
import { FormatError } from '../../../format/format-error.ts'
import { FrameScanner } from '../../../format/frame-scanner.ts'
import { type Head, parseRecord } from '../../../format/records.ts'
import { type RepairedBody, repairBody } from '../../../format/repair.ts'
import { encoding, RfbReader } from '../../../format/rfb-reader.ts'
import { parseServerInit } from '../../../format/server-init.ts'
import type { StreamWriter } from '../../../format/stream-writer.ts'
import type { StreamSink } from './stream-sink.ts'

// After a crash: brings a screen's stream to a boundary. A part that is whole is written again, to the same bytes; a torn
// BODY is cut behind its last whole update, closed and sealed (FORMAT.md, Repair).

/**
 * `knownBytes` = offset up to which the farm acknowledged. Resolves true when END is written: nothing is left to record.
 */
export async function recoverScreen(
  sink: StreamSink,
  writer: StreamWriter,
  knownBytes: number,
): Promise<boolean> {
  const tail = await sink.tail()
  if (tail.length === 0) return false
  const { state } = writer
  const parts = takeApart(tail)
  const { gap, end } = parts
  const repaired = gap || end ? undefined : repair(parts, writer.frame === 0, knownBytes - state.offset)
  if (gap || end || !repaired) await sink.cut(0)
  if (gap || end) await sink.begin()
  if (gap) await sink.append([writer.gap(gapOf(gap))])
  if (end) await sink.append(writer.end({ ...end, endUs: end.end }))
  if (repaired) {
    writer.resume(tail.subarray(0, parts.headBytes))
    writer.body(repaired.body)
    const seal = writer.seal({ endUs: repaired.endUs, rawBytes: repaired.raw.length })
    await sink.cut(parts.headBytes + repaired.keptBytes)
    await sink.append([repaired.body.subarray(repaired.keptBytes), seal])
  }
  if (gap || end || repaired) await sink.keep(end ? state : writer.state, end !== undefined)
  return end !== undefined
}

function repair(
  { head, headBytes, body, sealEndUs }: Parts,
  first: boolean,
  knownBytes: number,
): (RepairedBody & { endUs: number }) | undefined {
  const inflate = (frame: Uint8Array) => tryInflate(frame, rawScreenBytesMax)
  const whole = (raw: Uint8Array) => wholeBlockBytes(raw, first)
  const repaired = head && repairBody(body, inflate, knownBytes - headBytes, whole)
  const content = repaired && readContent(repaired.raw, head, first)
  if (!content?.pictureIsWhole) return undefined
  return { ...repaired!, endUs: sealEndUs ?? Math.max(head!.start, content.endUs) }
}

// A frame whose picture was not whole shows nothing that could be looked at, and was never sendable.
function readContent(
  raw: Uint8Array,
  head: Head,
  first: boolean,
): { endUs: number; pictureIsWhole: boolean } {
  const blocks = [...new FbsReader({ headerExpected: first }).push(raw)]
  const { width, height } = parseServerInit(fromBase64url(head.init ?? '') ?? new Uint8Array(0))
  const reader = new RfbReader({ width, height, encodings: Object.values(encoding) })
  let missingPixels = width * height
  for (const { bytes } of first ? blocks.slice(1) : blocks) {
    if (missingPixels <= 0) break
    reader.push(bytes)
    for (let part = reader.next(); part; part = reader.next())
      if (part.kind === 'rectangle' && (part.encoding === encoding.raw || part.encoding === encoding.tight))
        missingPixels -= part.width * part.height
  }
  return { endUs: (blocks.at(-1)?.timeMs ?? 0) * 1000, pictureIsWhole: missingPixels <= 0 }
}

interface Parts {
  head?: Head
  headBytes: number
  /** As it lies there, torn or not. */
  body: Uint8Array
  sealEndUs?: number
  gap?: ReturnType<typeof parseRecord<'gap'>>
  end?: ReturnType<typeof parseRecord<'end'>>
}

function takeApart(tail: Uint8Array): Parts {
  const parts: Parts = { headBytes: 0, body: new Uint8Array(0) }
  const scanner = new FrameScanner()
  scanner.push(tail)
  try {
    for (let part = scanner.next(); part; part = scanner.next()) {
      if (part.kind === 'head') {
        parts.head = parseRecord('head', part.payload)
        parts.headBytes = part.size
        parts.body = tail.subarray(part.size)
      }
      if (part.kind === 'body' && part.last)
        parts.body = tail.subarray(parts.headBytes, part.offset + part.bytes.length)
      if (part.kind === 'seal') parts.sealEndUs = parseRecord('seal', part.payload).end
      if (part.kind === 'gap') parts.gap = parseRecord('gap', part.payload)
      if (part.kind === 'end') parts.end = parseRecord('end', part.payload)
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  return parts
}

function gapOf({ from, to, reason, bytes }: NonNullable<Parts['gap']>) {
  return { fromUs: from, toUs: to, reason, ...(bytes !== undefined && { lostBytes: bytes }) }
}
