import { AsciicastReader } from '../../format/asciicast-reader.ts'
import { concatBytes } from '../../format/bytes.ts'
import { FormatError } from '../../format/format-error.ts'
import type { FrameEntry, FrameTable } from '../../format/frame-entry.ts'
import { frameEvents } from '../../format/frame-events.ts'
import { encodeEvent, type TimelineEvent } from '../../format/timeline.ts'
import { detailOf, type OpenedFile, piecesOf, type ReadShare } from './opened-file.ts'

/** As recordings are cut: a frame is what is decoded for a seek. */
const frameBytesMax = 1024 * 1024

/** An asciicast, cut into frames that the browser keeps out of the page's memory. */
export async function openPlainFile(file: File, read: ReadShare): Promise<OpenedFile> {
  const reader = new AsciicastReader()
  const frames = new BlobFrames()
  for await (const bytes of piecesOf(file, read)) frames.add(reader.push(bytes))
  frames.add(reader.finish())
  frames.close()
  const { header } = reader
  if (!header) throw new FormatError('cast-header', `${file.name} is no recording: it has no header line.`)
  const { width: columns, height: rows, timestamp, title, command } = header
  const known = {
    ...{ columns, rows, durationMs: frames.endUs / 1000, command: text(command) },
    ...(text(title) !== '' && { application: text(title) }),
    ...(isTime(timestamp) && { start: new Date(timestamp * 1000).toISOString() }),
  }
  return {
    recording: detailOf(file, known),
    stored: {
      timeline: {
        name: 'cast',
        table: async () => frames.table,
        async events({ offset, rawBytes }) {
          const raw = new Uint8Array(await frames.blob(offset).arrayBuffer())
          return [...frameEvents(raw, rawBytes)].flat()
        },
        // There is no tail: all frames are closed.
        bytes: async () => new Uint8Array(0),
      },
    },
  }
}

class BlobFrames {
  endUs = 0
  readonly #blobs = new Map<number, Blob>()
  readonly #entries: FrameEntry[] = []
  #lines: Uint8Array[] = []
  #startUs = 0
  #bytes = 0
  #offset = 0

  get table(): FrameTable {
    const end = {
      kind: 'end',
      offset: this.#offset,
      size: 0,
      startUs: this.endUs,
      endUs: this.endUs,
      sealed: false,
    } as const
    return { size: this.#offset, frames: [...this.#entries, end] }
  }

  blob(offset: number): Blob {
    return this.#blobs.get(offset)!
  }

  add(events: TimelineEvent[]): void {
    for (const { timeUs, code, data } of events) {
      if (this.#lines.length === 0) this.#startUs = timeUs
      this.endUs = Math.max(this.endUs, timeUs)
      const line = encodeEvent(timeUs, code, data)
      this.#lines.push(line)
      this.#bytes += line.length
      if (this.#bytes >= frameBytesMax) this.close()
    }
  }

  close(): void {
    if (this.#bytes === 0) return
    const [offset, size] = [this.#offset, this.#bytes]
    this.#blobs.set(offset, new Blob([concatBytes(this.#lines)]))
    const times = { startUs: this.#startUs, endUs: this.endUs }
    this.#entries.push({
      kind: 'frame',
      sealed: false,
      offset,
      size,
      bodyOffset: offset,
      bodySize: size,
      rawBytes: size,
      ...times,
    })
    this.#offset += size
    this.#lines = []
    this.#bytes = 0
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isTime(seconds: unknown): seconds is number {
  return typeof seconds === 'number' && seconds > 0 && seconds < 8.64e12
}
