import { FormatError } from '../../format/format-error.ts'
import type { FrameEntry, FrameTable } from '../../format/frame-entry.ts'
import { FrameScanner } from '../../format/frame-scanner.ts'
import { type Facts, parseRecord } from '../../format/records.ts'
import { decodeFrame } from '../player/terminal/frame-decoder.ts'
import { bytesOf, detailOf, type OpenedFile, piecesOf, type ReadShare } from './opened-file.ts'

/** A recording as it lies in a store. Its frames are found by passing over it once; nothing of it is proven here. */
export async function openRecordingFile(file: File, read: ReadShare): Promise<OpenedFile> {
  const finder = new FrameFinder()
  try {
    for await (const bytes of piecesOf(file, read)) finder.push(bytes)
  } catch (error) {
    // What comes before the damage is played.
    if (!(error instanceof FormatError) || finder.frames.length === 0) throw error
  }
  const { facts, frames, stream } = finder
  if (stream !== 'cast')
    throw new FormatError('screen-file', 'This is the screen of a desktop without its timeline.', {
      hint: 'Open it from its server.',
    })
  const table: FrameTable = { size: file.size, frames }
  const endUs = frames.reduce((end, frame) => Math.max(end, frame.endUs), 0)
  return {
    recording: detailOf(file, { ...detailFromFacts(facts), durationMs: endUs / 1000 }),
    stored: {
      table: async () => table,
      events: async ({ bodyOffset, bodySize, rawBytes }) =>
        decodeFrame(await bytesOf(file, bodyOffset, bodyOffset + bodySize), rawBytes),
      bytes: (from, to) => bytesOf(file, from, to),
    },
  }
}

/** Nobody has checked what was dropped. */
const sealed = false

class FrameFinder {
  readonly frames: FrameEntry[] = []
  facts: Facts | undefined
  stream: string | undefined
  readonly #scanner = new FrameScanner()
  #open: FrameEntry | undefined

  push(bytes: Uint8Array): void {
    this.#scanner.push(bytes)
    for (let part = this.#scanner.next(); part; part = this.#scanner.next()) {
      const { kind, offset } = part
      if (kind === 'head') {
        const { start, wall, facts, stream } = parseRecord(kind, part.payload, offset)
        this.facts ??= facts
        this.stream ??= stream
        const times = { startUs: start, endUs: start, wallMs: wall }
        this.#open = { kind: 'frame', offset, size: part.size, ...times, sealed }
        this.frames.push(this.#open)
      } else if (kind === 'body' && this.#open) {
        this.#open.bodyOffset ??= offset
        this.#open.bodySize = offset + part.bytes.length - this.#open.bodyOffset
        this.#open.size = offset + part.bytes.length - this.#open.offset
      } else if (kind === 'seal' && this.#open) {
        const { end, raw } = parseRecord(kind, part.payload, offset)
        Object.assign(this.#open, { endUs: end, rawBytes: raw, size: offset + part.size - this.#open.offset })
        this.#open = undefined
      } else if (kind === 'gap') {
        const { from, to, reason } = parseRecord(kind, part.payload, offset)
        this.frames.push({ kind, offset, size: part.size, startUs: from, endUs: to, sealed, reason })
      } else if (kind === 'end') {
        const { end } = parseRecord(kind, part.payload, offset)
        this.frames.push({ kind, offset, size: part.size, startUs: end, endUs: end, sealed })
      }
    }
  }
}

function detailFromFacts(facts: Facts | undefined) {
  if (!facts) return {}
  const { user, host, application, command, client, columns, rows, startedMs, type } = facts
  const start = new Date(Math.min(startedMs, 8.64e15)).toISOString()
  return { user, host, application, command, client, columns, rows, start, type }
}
