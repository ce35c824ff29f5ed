import type { FbsBlock } from '../format/fbs.ts'
import { FormatError } from '../format/format-error.ts'
import { type FramePart, FrameScanner } from '../format/frame-scanner.ts'
import { type Gap, type Head, parseRecord, type Seal } from '../format/records.ts'
import { screenBlocks } from './screen-blocks.ts'

export type ScreenItem =
  | { kind: 'frame'; head: Head; offset: number }
  /** To be taken before the next item is asked for. Taking them may throw FormatError `fbs`. */
  | { kind: 'blocks'; blocks: Iterable<FbsBlock> }
  /** The rest of this frame cannot be read. */
  | { kind: 'refused'; error: FormatError }
  | { kind: 'sealed'; seal: Seal }
  | { kind: 'gap'; gap: Gap }

/**
 * The content of a screen's stream from its stored bytes, from a frame's beginning on, whatever their pieces; over gaps and damaged frames, and of a torn
 * tail what it has. Bodies of frames that `wanted` says no to are passed over. Checks no signature: that is
 * `StreamVerifier`'s. Throws FormatError where the bytes are no recording.
 */
export async function* readScreen(
  stored: AsyncIterable<Uint8Array>,
  wanted: (head: Head) => boolean = () => true,
): AsyncGenerator<ScreenItem> {
  const parts = partsOf(stored)
  let isWanted = true
  try {
    for (let next = await parts.next(); !next.done; next = await parts.next()) {
      const part = next.value
      if (part.kind === 'gap') yield { kind: 'gap', gap: parseRecord('gap', part.payload, part.offset) }
      if (part.kind === 'seal') yield { kind: 'sealed', seal: parseRecord('seal', part.payload, part.offset) }
      if (part.kind === 'head') {
        const head = parseRecord('head', part.payload, part.offset)
        if (head.stream !== 'rfb')
          throw new FormatError('stream', `Expected the screen of a desktop, got a ${head.stream} stream.`)
        isWanted = wanted(head)
        yield { kind: 'frame', head, offset: part.offset }
      }
      if (part.kind === 'body' && isWanted) yield* contentOf(new BodyParts(parts, part))
    }
  } finally {
    await parts.return(undefined)
  }
}

async function* contentOf(body: BodyParts): AsyncGenerator<ScreenItem> {
  try {
    for await (const blocks of screenBlocks(body)) yield { kind: 'blocks', blocks }
  } catch (error) {
    if (!(error instanceof FormatError) || body.failed) throw error
    yield { kind: 'refused', error }
  }
  await body.pass()
}

async function* partsOf(stored: AsyncIterable<Uint8Array>): AsyncGenerator<FramePart> {
  const scanner = new FrameScanner()
  for await (const bytes of stored) {
    scanner.push(bytes)
    for (let part = scanner.next(); part; part = scanner.next()) yield part
  }
}

/** The parts of one BODY; whoever stops within leaves the rest to `pass`. */
class BodyParts implements AsyncIterable<Uint8Array> {
  readonly #parts: AsyncGenerator<FramePart>
  #part: Extract<FramePart, { kind: 'body' }> | undefined
  /** What was thrown came from the parts, not from their content. */
  failed = false

  constructor(parts: AsyncGenerator<FramePart>, first: Extract<FramePart, { kind: 'body' }>) {
    this.#parts = parts
    this.#part = first
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (; this.#part; await this.#step()) yield this.#part.bytes
  }

  async pass(): Promise<void> {
    while (this.#part) await this.#step()
  }

  async #step(): Promise<void> {
    const last = this.#part?.last
    this.#part = undefined
    if (last) return
    try {
      const next = await this.#parts.next()
      if (next.done || next.value.kind !== 'body') return
      this.#part = next.value
    } catch (error) {
      this.failed = true
      throw error
    }
  }
}
