import sharp from 'sharp'
import { openZstdBody, screenZstd } from '../../codec/zstd.ts'
import { concatBytes } from '../../format/bytes.ts'
import { encodeBlock, fbsHeader, UpdateBlock } from '../../format/fbs.ts'
import { encoding, type Rectangle } from '../../format/rfb-reader.ts'
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

/** With an END unless `end` is false. The last update's time is the frame's end. */
export async function makeScreenStream(
  { agent: signer, certificate }: Identities,
  frames: (SampleScreenFrame | { gapUs: number })[],
  options: { end?: boolean; recording?: string } = {},
): Promise<SampleStream> {
  const recording = options.recording ?? sampleId()
  const { sha256 } = crypto
  const screenFacts = { ...facts, type: 'desktop' as const }
  const writer = new StreamWriter({
    recording,
    stream: 'rfb',
    signer,
    sha256,
    certificate,
    facts: screenFacts,
  })
  const parts: Uint8Array[] = []
  const raws: Uint8Array[] = []
  const boundaries: number[] = []
  let nowUs = 0
  for (const frame of frames) {
    if ('gapUs' in frame) {
      parts.push(writer.gap({ fromUs: nowUs, toUs: nowUs + frame.gapUs, reason: 'crash' }))
      nowUs += frame.gapUs
    } else {
      const { startUs, size, updates } = frame
      const init = encodeServerInit({ ...size, name: 'ada@ward-7' })
      const first = writer.frame === 0
      parts.push(writer.head({ startUs, wallMs: facts.startedMs + startUs / 1000, init }))
      const raw = concatBytes([
        ...(first ? [fbsHeader, encodeBlock(encodeHandshake(init), Math.floor(startUs / 1000))] : []),
        ...updates.map(({ bytes, timeMs }) => encodeBlock(bytes, timeMs)),
      ])
      const body = openZstdBody(screenZstd)
      await body.write(raw)
      const compressed = frame.body ?? (await body.end())
      body.close()
      writer.body(compressed)
      nowUs = Math.max(startUs, ...updates.map(({ timeMs }) => timeMs * 1000))
      parts.push(compressed, writer.seal({ endUs: nowUs, rawBytes: frame.rawBytes ?? raw.length }))
      raws.push(raw)
    }
    boundaries.push(writer.offset)
  }
  if (options.end ?? true) {
    parts.push(...writer.end({ endUs: nowUs, reason: 'exit' }))
    boundaries.push(writer.offset)
  }
  return { bytes: concatBytes(parts), raw: concatBytes(raws), recording, boundaries }
}
