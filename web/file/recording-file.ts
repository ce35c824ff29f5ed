import { FormatError } from '../../format/format-error.ts'
import type { FrameEntry, FrameTable } from '../../format/frame-entry.ts'
import { FrameScanner } from '../../format/frame-scanner.ts'
import { type Facts, parseRecord, type StreamName } from '../../format/records.ts'
import type { StoredStream, StoredTimeline } from '../player/stored-stream.ts'
import { decodeFrame } from '../player/terminal/frame-decoder.ts'
import { bytesOf, detailOf, type OpenedFile, piecesOf, type ReadShare } from './opened-file.ts'

/** A stream as it lies in a store. */
export interface StreamFile {
  stream: StoredStream
  facts: Facts | undefined
  endUs: number
}

/** Finds a file's frames by passing over it once; nothing of it is proven here. Rejects with FormatError. */
export async function openStreamFile(file: File, read: ReadShare): Promise<StreamFile> {
  const finder = new FrameFinder()
  try {
    for await (const bytes of piecesOf(file, read)) finder.push(bytes)
  } catch (error) {
    // What comes before the damage is played.
    if (!(error instanceof FormatError) || finder.frames.length === 0) throw error
  }
  const { facts, frames, stream: name } = finder
  if (name === undefined)
    throw new FormatError('no-frame', `${file.name} is no recording: it has no frame that says what it is.`)
  const table: FrameTable = { size: file.size, frames }
  return {
    stream: { name, table: async () => table, bytes: (from, to) => bytesOf(file, from, to) },
    facts,
    endUs: frames.reduce((end, frame) => Math.max(end, frame.endUs), 0),
  }
}

/** A recording out of its streams' files: a timeline, the screen of a desktop, or both. Rejects with FormatError. */
export async function openRecordingFiles(files: File[], read: ReadShare): Promise<OpenedFile> {
  const opened: StreamFile[] = []
  for (const [index, file] of files.entries())
    opened.push(await openStreamFile(file, (share) => read((index + share) / files.length)))
  const timeline = opened.find(({ stream }) => stream.name === 'cast')
  const screen = opened.find(({ stream }) => stream.name === 'rfb')
  const main = (timeline ?? screen)!
  if (opened.length !== [timeline, screen].filter(Boolean).length)
    throw new FormatError(
      'same-streams',
      'These files are not the timeline and the screen of one recording.',
      {
        hint: 'Open one recording at a time.',
      },
    )
  const endUs = Math.max(...opened.map((stream) => stream.endUs))
  const bytes = files.reduce((sum, file) => sum + file.size, 0)
  return {
    recording: detailOf(files[0]!, { ...detailFromFacts(main.facts), bytes, durationMs: endUs / 1000 }),
    stored: {
      ...(timeline && { timeline: timelineOf(timeline.stream) }),
      ...(screen && { screen: screen.stream }),
    },
  }
}

function timelineOf(stream: StoredStream): StoredTimeline {
  return {
    ...stream,
    events: async ({ bodyOffset, bodySize, rawBytes }, signal) =>
      decodeFrame(await stream.bytes(bodyOffset, bodyOffset + bodySize, signal), rawBytes),
  }
}

/** Nobody has checked what was dropped. */
const sealed = false

class FrameFinder {
  readonly frames: FrameEntry[] = []
  facts: Facts | undefined
  stream: StreamName | undefined
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
