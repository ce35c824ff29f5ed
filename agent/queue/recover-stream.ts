import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tryInflate } from '../../codec/zstd.ts'
import { concatBytes, equalBytes } from '../../format/bytes.ts'
import { FormatError } from '../../format/format-error.ts'
import { FrameScanner } from '../../format/frame-scanner.ts'
import { bytesOfText } from '../../format/output-text.ts'
import { parseRecord, type SourcePosition } from '../../format/records.ts'
import { repairBody } from '../../format/repair.ts'
import type { StreamWriter } from '../../format/stream-writer.ts'
import type { TimelineEvent } from '../../format/timeline.ts'
import { TimelineDecoder } from '../../format/timeline-decoder.ts'
import type { Resume } from './session-record.ts'
import { spoolFileName } from './spool-file.ts'
import type { SpooledRecording } from './spooled-recording.ts'

// After a crash: brings the queue's last file to a boundary, so that recording goes on behind it. Whole parts that
// session.json does not speak of yet are taken as they are; a torn BODY is cut, closed and sealed (FORMAT.md, Repair).

/**
 * `knownBytes` = offset up to which the farm acknowledged. Resolves true when END is whole: nothing is left to record.
 * `spooled.record.resume` then says where the recorder's logs go on.
 */
export async function recoverStream(
  spooled: SpooledRecording,
  writer: StreamWriter,
  knownBytes: number,
): Promise<boolean> {
  while (true) {
    const last = spooled.files.at(-1)
    if (!last || last.kind === 'gap' || last.start < writer.offset) return false
    const bytes = await readFile(join(spooled.dir, spoolFileName(last)))
    const part = takeApart(bytes)
    if (part.end) {
      const written = writer.end({ endUs: part.end.end, reason: part.end.reason, ...statusOf(part.end) })
      if (equalBytes(concatBytes(written), bytes)) {
        await spooled.update({ endSize: writer.offset })
        return true
      }
      throw new FormatError('end', `${last.start}.frame has an END that does not follow what is before it.`)
    }
    if (part.gap) {
      const { from: fromUs, to: toUs, reason, bytes: lostBytes } = part.gap
      writer.gap({ fromUs, toUs, reason, ...(lostBytes !== undefined && { lostBytes }) })
      await spooled.update({ state: writer.state })
      return false
    }
    const known = knownBytes - last.start - part.headBytes
    const repaired = part.head && part.body.length > 0 ? repairBody(part.body, tryInflate, known) : undefined
    if (!part.head?.source || !repaired) {
      await spooled.dropLast()
      continue
    }
    const events = eventsOf(repaired.raw, writer.frame === 0)
    const endUs = part.seal?.end ?? Math.max(part.head.start, events.at(-1)?.timeUs ?? 0)
    writer.resume(bytes.subarray(0, part.headBytes))
    writer.body(repaired.body)
    const seal = writer.seal({ endUs, rawBytes: repaired.raw.length })
    await spooled.reopen(part.headBytes + repaired.keptBytes)
    await spooled.append([repaired.body.subarray(repaired.keptBytes), seal])
    await spooled.sync()
    await spooled.update({ state: writer.state, resume: resumeBehind(part.head.source, events) })
  }
}

interface Parts {
  head?: ReturnType<typeof parseRecord<'head'>>
  headBytes: number
  body: Uint8Array
  seal?: ReturnType<typeof parseRecord<'seal'>>
  gap?: ReturnType<typeof parseRecord<'gap'>>
  end?: ReturnType<typeof parseRecord<'end'>>
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

function eventsOf(raw: Uint8Array, headerExpected: boolean): TimelineEvent[] {
  return new TimelineDecoder({ headerExpected }).push(raw)
}

function resumeBehind(source: SourcePosition, events: TimelineEvent[]): Resume {
  let outputBytes = 0
  let resizes = 0
  for (const event of events) {
    if (event.code === 'o') outputBytes += bytesOfText(event.data).length
    if (event.code === 'r') resizes += 1
  }
  return { source, outputBytes, resizes }
}

function statusOf(end: { exit?: number; signal?: number }): { exit?: number; signal?: number } {
  return {
    ...(end.exit !== undefined && { exit: end.exit }),
    ...(end.signal !== undefined && { signal: end.signal }),
  }
}
