import { rawScreenBytesMax, tryInflate } from '../../../codec/zstd.ts'
import { FbsReader, wholeBlockBytes } from '../../../format/fbs.ts'
import { FormatError } from '../../../format/format-error.ts'
import { FrameScanner } from '../../../format/frame-scanner.ts'
import { type Head, parseRecord } from '../../../format/records.ts'
import { repairBody } from '../../../format/repair.ts'
import type { StreamWriter } from '../../../format/stream-writer.ts'
import type { StreamSink } from './stream-sink.ts'

// After a crash: brings a screen's stream to a boundary. A part that is whole is written again, to the same bytes; a torn
// BODY is cut behind its last whole update, closed and sealed (FORMAT.md, Repair).

/** True when END is written: nothing is left to record. */
export async function recoverScreen(sink: StreamSink, writer: StreamWriter): Promise<boolean> {
  const tail = await sink.tail()
  if (tail.length === 0) return false
  const { head, headBytes, body, sealEndUs, gap, end } = takeApart(tail)
  if (end || gap) {
    await sink.cut(0)
    await sink.begin()
    const { state } = writer
    await sink.append(end ? writer.end({ ...end, endUs: end.end }) : [writer.gap(gapOf(gap!))])
    await sink.sync()
    await sink.keep(end ? state : writer.state, end !== undefined)
    return end !== undefined
  }
  const inflate = (frame: Uint8Array) => tryInflate(frame, rawScreenBytesMax)
  const first = writer.frame === 0
  const repaired = head && repairBody(body, inflate, 0, (raw) => wholeBlockBytes(raw, first))
  if (!head || !repaired) {
    await sink.cut(0)
    return false
  }
  const times = new FbsReader({ headerExpected: first }).push(repaired.raw).map(({ timeMs }) => timeMs * 1000)
  writer.resume(tail.subarray(0, headBytes))
  writer.body(repaired.body)
  const seal = writer.seal({
    endUs: sealEndUs ?? Math.max(head.start, times.at(-1) ?? 0),
    rawBytes: repaired.raw.length,
  })
  await sink.cut(headBytes + repaired.keptBytes)
  await sink.append([repaired.body.subarray(repaired.keptBytes), seal])
  await sink.sync()
  await sink.keep(writer.state, false)
  return false
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
