import sharp from 'sharp'
import { openZstdBody, screenZstd, type ZstdBody } from '../../codec/zstd.ts'
import { concatBytes } from '../../format/bytes.ts'
import { encodeBlock, fbsHeader, UpdateBlock } from '../../format/fbs.ts'
import type { GapReason } from '../../format/records.ts'
import { encoding, pixelBytes, type Rectangle } from '../../format/rfb-reader.ts'
import { encodeHandshake, encodeServerInit } from '../../format/server-init.ts'
import { StreamWriter } from '../../format/stream-writer.ts'
import { crypto, facts, type Identities, type SampleStream, sampleId } from './sample-stream.ts'

// Streams of screens, good and bad, made of updates.

export interface Size {
  width: number
  height: number
}

export interface SampleScreenFrame {
  startUs: number
  size: Size
  updates: { timeMs: number; bytes: Uint8Array }[]
  /** In place of what the updates are, compressed. */
  body?: Uint8Array
  /** In place of their sum, in the SEAL. */
  rawBytes?: number
}

export type Part = [area: Rectangle, encoding: number, content?: Uint8Array]

/** The bytes of one update. */
export function update(...parts: Part[]): Uint8Array {
  const block = new UpdateBlock()
  for (const [area, kind, content = new Uint8Array(0)] of parts)
    block.add(area, kind, content.length).set(content)
  const bytes = block.close(0)
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  return bytes.slice(4, 4 + length)
}

export function sized(size: Size): Part {
  return [{ x: 0, y: 0, ...size }, encoding.desktopSize]
}

/** `colour` = 0xrrggbb. */
export function filled(area: Rectangle, colour: number): Part {
  const content = new Uint8Array(area.width * area.height * 4)
  for (let at = 0; at < content.length; at += 4)
    content.set([colour >> 16, (colour >> 8) & 255, colour & 255, 0], at)
  return [area, encoding.raw, content]
}

/** Lines, as letters are: every cell of it has more than one colour. */
export function striped(area: Rectangle, seed = 1): Part {
  const content = new Uint8Array(area.width * area.height * 4)
  for (let at = 0; at < content.length; at++) content[at] = (at >> 2) % 3 === 0 ? 0 : (seed * 60) & 255
  return [area, encoding.raw, content]
}

export function moved(area: Rectangle, x: number, y: number): Part {
  return [area, encoding.copyRect, new Uint8Array([x >> 8, x & 255, y >> 8, y & 255])]
}

/** `colour` as sharp takes it. */
export async function jpeg(area: Rectangle, colour: string): Promise<Part> {
  const { width, height } = area
  const bytes = await sharp({ create: { width, height, channels: 3, background: colour } })
    .jpeg()
    .toBuffer()
  const head = [0x90, (bytes.length & 0x7f) | 0x80, ((bytes.length >> 7) & 0x7f) | 0x80, bytes.length >> 14]
  return [area, encoding.tight, concatBytes([new Uint8Array(head), bytes])]
}

/** The whole screen of a frame's beginning. */
export function opening(size: Size, colour: number): Uint8Array {
  return update(sized(size), filled({ x: 0, y: 0, ...size }, colour))
}

export interface ScreenWriter {
  /** Bytes of HEAD; a frame begins. */
  begin(startUs: number, size: Size): Promise<Uint8Array>
  /** Bytes with the block in them, flushed. */
  add(block: Uint8Array): Promise<Uint8Array>
  /** Bytes that close it. `stored` = in place of its content, compressed; `rawBytes` = in place of its size, in the SEAL. */
  seal(endUs: number, options?: { rawBytes?: number; stored?: Uint8Array | undefined }): Promise<Uint8Array>
  gap(fromUs: number, toUs: number, reason: GapReason): Uint8Array
  end(endUs: number): Uint8Array
  /** All content that was added. */
  raw(): Uint8Array
  /** Of all bytes so far. */
  readonly offset: number
}

/** A screen's stream, piece by piece. `quick`: compressed with a small window, which takes no time to make. */
export function openScreenWriter(
  { agent: signer, certificate }: Identities,
  recording: string,
  options: { quick?: boolean } = {},
): ScreenWriter {
  const writer = new StreamWriter({
    ...{ recording, stream: 'rfb', signer, certificate, sha256: crypto.sha256 },
    facts: { ...facts, type: 'desktop', application: 'desktop', command: 'Xvnc' },
  })
  const open = ({ width, height }: { width: number; height: number }) =>
    options.quick ? openZstdBody() : openZstdBody(screenZstd(width * height * pixelBytes))
  const contents: Uint8Array[] = []
  let body: ZstdBody | undefined
  let raw = 0
  const put = async (bytes: Uint8Array) => {
    raw += bytes.length
    contents.push(bytes)
    await body!.write(bytes)
  }
  return {
    async begin(startUs, size) {
      const isFirst = writer.frame === 0
      const init = encodeServerInit({ ...size, name: 'ada@ward-7' })
      const head = writer.head({ startUs, wallMs: facts.startedMs + startUs / 1000, init })
      body = open(size)
      raw = 0
      if (!isFirst) return head
      await put(fbsHeader)
      await put(encodeBlock(encodeHandshake(init), Math.floor(startUs / 1000)))
      return head
    },
    async add(bytes) {
      await put(bytes)
      const flushed = await body!.flush()
      writer.body(flushed)
      return flushed
    },
    async seal(endUs, { rawBytes = raw, stored } = {}) {
      const own = await body!.end()
      const last = stored ?? own
      writer.body(last)
      return concatBytes([last, writer.seal({ endUs, rawBytes })])
    },
    gap: (fromUs, toUs, reason) => writer.gap({ fromUs, toUs, reason }),
    end: (endUs) => concatBytes(writer.end({ endUs, reason: 'exit', exit: 0 })),
    raw: () => concatBytes(contents),
    get offset() {
      return writer.offset
    },
  }
}

/** With an END unless `end` is false. The last update's time is the frame's end. */
export async function makeScreenStream(
  identities: Identities,
  frames: (SampleScreenFrame | { gapUs: number })[],
  options: { end?: boolean; recording?: string } = {},
): Promise<SampleStream> {
  const recording = options.recording ?? sampleId()
  const writer = openScreenWriter(identities, recording)
  const parts: Uint8Array[] = []
  const boundaries: number[] = []
  let nowUs = 0
  for (const frame of frames) {
    if ('gapUs' in frame) {
      parts.push(writer.gap(nowUs, nowUs + frame.gapUs, 'crash'))
      nowUs += frame.gapUs
    } else {
      const { startUs, size, updates, body: stored, rawBytes } = frame
      parts.push(await writer.begin(startUs, size))
      const blocks = updates.map(({ bytes, timeMs }) => encodeBlock(bytes, timeMs))
      if (!stored) for (const block of blocks) parts.push(await writer.add(block))
      nowUs = Math.max(startUs, ...updates.map(({ timeMs }) => timeMs * 1000))
      const claimed = rawBytes ?? (stored && concatBytes(blocks).length)
      parts.push(await writer.seal(nowUs, { stored, ...(claimed !== undefined && { rawBytes: claimed }) }))
    }
    boundaries.push(writer.offset)
  }
  if (options.end ?? true) {
    parts.push(writer.end(nowUs))
    boundaries.push(writer.offset)
  }
  return { bytes: concatBytes(parts), raw: writer.raw(), recording, boundaries }
}
