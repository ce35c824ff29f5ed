import { concatBytes } from '../../format/bytes.ts'
import { encodeBlock, fbsHeader, UpdateBlock } from '../../format/fbs.ts'
import { encoding } from '../../format/rfb-reader.ts'
import { encodeHandshake, encodeServerInit } from '../../format/server-init.ts'
import type { Recording } from '../../web/api/recording.ts'
import { type Block, fbsBlocks } from '../helpers/replay.ts'
import { openScreenWriter, type Size } from '../helpers/sample-screen.ts'
import { type Identities, makeStream, sampleId } from '../helpers/sample-stream.ts'
import { output, recordingOf } from './sample-recordings.ts'
import type { Held } from './stand-in.ts'

// Desktops written by the product's own writer, whose pictures say what second it is. Compressed with small windows, which take
// no time to make; real ones are in desktop-real.test.ts.

/** Decoded content of a frame: blocks of FBS, or something hostile in their place. */
export interface DesktopFrame {
  startUs: number
  endUs: number
  content: Uint8Array[]
  /** No reader can make a picture of it. */
  isHostile?: true
  /** What its seal claims, where that is not so. */
  rawBytes?: number
  /** What is stored, where that is not its content compressed. */
  stored?: Uint8Array
}

export interface DesktopStream {
  bytes: Uint8Array
  /** What any player of FBS gets. */
  blocks: Block[]
}

export const small: Size = { width: 320, height: 200 }

export function block(timeMs: number, fill: (block: UpdateBlock) => void): Uint8Array {
  const update = new UpdateBlock()
  fill(update)
  return update.close(timeMs).slice()
}

/** A whole picture in one colour with a darker bar, as every frame begins. */
export function picture(timeMs: number, size: Size, colour: number): Uint8Array {
  return block(timeMs, (update) => {
    update.add({ x: 0, y: 0, ...size }, encoding.desktopSize, 0)
    fill(update.add({ x: 0, y: 0, ...size }, encoding.raw, size.width * size.height * 4), colour)
  })
}

/** A square that is somewhere else every second, and a move of what is at the top. */
export function step(timeMs: number, size: Size, second: number): Uint8Array {
  return block(timeMs, (update) => {
    const [x, y] = [(second * 37) % (size.width - 40), (second * 23) % (size.height - 40)]
    fill(update.add({ x, y, width: 40, height: 40 }, encoding.raw, 40 * 40 * 4), second * 7919)
    const copied = { x: size.width - 60, y: size.height - 40, width: 50, height: 30 }
    const from = update.add(copied, encoding.copyRect, 4)
    new DataView(from.buffer, from.byteOffset).setUint16(0, Math.min(x, size.width - 50))
    new DataView(from.buffer, from.byteOffset).setUint16(2, Math.min(y, size.height - 30))
  })
}

// With a ramp in it, so that a picture that is shifted is another one.
function fill(pixels: Uint8Array, colour: number): void {
  for (let at = 0; at < pixels.length; at += 4) {
    const shade = (at >> 10) & 31
    pixels[at] = ((colour >> 16) & 0xff) ^ shade
    pixels[at + 1] = ((colour >> 8) & 0xff) ^ shade
    pixels[at + 2] = (colour & 0xff) ^ shade
    pixels[at + 3] = at
  }
}

/** Frames of ten seconds, in each of which something happens every second. */
export function ticking(seconds: number, size: Size = small, fromS = 0): DesktopFrame[] {
  const frames: DesktopFrame[] = []
  for (let at = fromS; at < fromS + seconds; at += 10) {
    const content = [picture(at * 1000, size, 0x40_50_60 + at * 4111)]
    for (let second = at + 1; second < at + 10; second++) content.push(step(second * 1000, size, second))
    frames.push({ startUs: at * 1e6, endUs: (at + 9) * 1e6, content })
  }
  return frames
}

/** A stream of these frames and gaps. */
export async function desktopStream(
  identities: Identities,
  frames: (DesktopFrame | { fromUs: number; toUs: number })[],
  { recording = sampleId(), size = small, ended = true } = {},
): Promise<DesktopStream> {
  const writer = openScreenWriter(identities, recording, { quick: true })
  const parts: Uint8Array[] = []
  const contents: Uint8Array[] = [
    fbsHeader,
    encodeBlock(encodeHandshake(encodeServerInit({ ...size, name: '' })), 0),
  ]
  let endUs = 0
  for (const frame of frames) {
    if (!('content' in frame)) parts.push(writer.gap(frame.fromUs, frame.toUs, 'paused'))
    else {
      parts.push(await writer.begin(frame.startUs, size))
      const { rawBytes, stored } = frame
      if (!stored) for (const bytes of frame.content) parts.push(await writer.add(bytes))
      parts.push(
        await writer.seal(frame.endUs, {
          ...(rawBytes !== undefined && { rawBytes }),
          ...(stored && { stored }),
        }),
      )
      if (!frame.isHostile) contents.push(...frame.content)
    }
    endUs = 'content' in frame ? frame.endUs : frame.toUs
  }
  if (ended) parts.push(writer.end(endUs))
  return { bytes: concatBytes(parts), blocks: fbsBlocks(Buffer.from(concatBytes(contents))) }
}

export interface HeldDesktop extends Held {
  screen: Uint8Array
  blocks: Block[]
}

/** A finished recording of a desktop, with a timeline that ends when it does. */
export async function heldDesktop(
  identities: Identities,
  seed: number,
  frames: Parameters<typeof desktopStream>[1],
  { size = small, ended = true, ...more }: Partial<Recording> & { size?: Size; ended?: boolean } = {},
): Promise<HeldDesktop> {
  const id = sampleId(seed)
  const { bytes: screen, blocks } = await desktopStream(identities, frames, { recording: id, size, ended })
  const last = frames.at(-1)!
  const endUs = 'content' in last ? last.endUs : last.toUs
  const timeline = await makeStream(identities, [[output(0, ''), output(endUs / 1e6, '')]], {
    ...{ recording: id, end: ended, facts: { type: 'desktop' } },
  })
  const recording = recordingOf(id, {
    ...{ type: 'desktop', application: 'desktop', command: 'Xvnc', durationMs: endUs / 1000 },
    ...more,
  })
  return { recording, bytes: timeline.bytes, screen, blocks }
}
