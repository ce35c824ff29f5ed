import { coveredBytes, type IndexedFrame, shownStream } from '../../format/index-records.ts'
import { decodePicture } from '../../format/picture-bytes.ts'
import type { StreamName } from '../../format/records.ts'
import { EmulatedScreen } from '../../screen/emulated-screen.ts'
import { StoreError } from '../store/store-error.ts'
import type { StorePlace } from '../store/store-place.ts'
import { addStrip } from './add-strip.ts'
import { DesktopStrip } from './desktop-strip.ts'
import { trackDesktop } from './desktop-track.ts'
import { drawDesktopPoster, drawTerminalPoster, fullestUs } from './draw-poster.ts'
import { type DrawnFacts, drawnFacts } from './drawn-facts.ts'
import { type IndexTools, inflated, readWhole } from './index-tools.ts'
import { IndexWriter } from './index-writer.ts'
import { readPicture } from './read-picture.ts'
import { StreamWalk } from './stream-walk.ts'
import { TerminalTrack } from './terminal-track.ts'

// The index of one recording, frame by frame, as far as its streams are sealed.
//
//   open ── know, step ──▶ caught up ── know ──▶ …          all streams have their END ──▶ poster, strip, table ──▶ ended
//                          caught up ── rest ──▶ caught up, without an emulator

/** Written at once: each write makes the file grow, and the syncs of ingest wait for what a file system notes of that. */
const flushBytes = 1024 * 1024

export class IndexJob {
  readonly recording: string
  readonly #tools: IndexTools
  readonly #place: StorePlace
  readonly #writer: IndexWriter
  readonly #walks = new Map<StreamName, StreamWalk>()
  readonly #ended = new Set<StreamName>()
  #track: TerminalTrack | undefined
  #screen: EmulatedScreen | undefined
  #strip: DesktopStrip | undefined
  #done = false

  private constructor(tools: IndexTools, place: StorePlace, recording: string, writer: IndexWriter) {
    this.recording = recording
    this.#tools = tools
    this.#place = place
    this.#writer = writer
  }

  /** Goes on with the index that is there, or `again` from the beginning. Rejects with StoreError. */
  static async open(tools: IndexTools, recording: string, again: boolean): Promise<IndexJob> {
    const { store } = tools
    const place = await store.place(recording)
    // Else the index of one that was deleted meanwhile would stay alone.
    if ((await store.size(place, 'cast')) === undefined)
      throw new StoreError('not-found', `${recording} is not in a store.`, 'It may have been deleted.')
    return new IndexJob(tools, place, recording, await IndexWriter.open(store, place, tools.mac, again))
  }

  /** True once the index is finished: nothing follows in a stream that has ended. */
  get done(): boolean {
    return this.#done
  }

  /** So much of a stream is sealed. */
  know(stream: StreamName, sealed: number): void {
    const walk = this.#walks.get(stream) ?? new StreamWalk(this.#tools, this.#place, stream)
    this.#walks.set(stream, walk)
    walk.know(sealed)
  }

  /** Reads on and does one part's worth; false when there is none. Rejects with StoreError. */
  async step(): Promise<boolean> {
    for (const walk of this.#walks.values()) {
      const isMore = await walk.walk()
      const covered = coveredBytes(this.#writer.table, walk.stream)
      for (let part = walk.take(); part; part = walk.take()) {
        if (part.kind === 'end') this.#ended.add(walk.stream)
        if (part.offset < covered) continue
        await this.#part(part)
        if (this.#writer.waitingBytes >= flushBytes) await this.#writer.flush()
        return true
      }
      if (isMore) return true
    }
    await this.#writer.flush()
    if (this.#done || !(await this.#allEnded())) return false
    if (this.#isDesktop) {
      this.#strip ??= new DesktopStrip(this.#tools, this.#place, this.#writer)
      if (await this.#strip.step()) return true
    }
    await this.#finish()
    return true
  }

  /** A poster of what there is, where there is none of it yet. Rejects with StoreError. */
  async addPoster(): Promise<void> {
    const { table } = this.#writer
    const timeUs = fullestUs(table)
    const timesUs = timeUs === undefined ? [] : [timeUs]
    const known = table.images.findLast(({ use }) => use === 'poster')
    if (known && known.timesUs[0] === timeUs) return
    const { width, height, bytes } = this.#isDesktop
      ? await drawDesktopPoster(this.#tools, this.#place, table)
      : await drawTerminalPoster(this.#tools, this.#place, table, this.#facts)
    this.#writer.image({ use: 'poster', type: 'image/webp', width, height, columns: 1, timesUs }, bytes)
    await this.#writer.flush()
  }

  /** Gives back what drawing needs; what was read stays read. Rejects with StoreError. */
  async rest(): Promise<void> {
    await this.#writer.flush()
    this.#screen?.dispose()
    this.#screen = undefined
    this.#track = undefined
  }

  async close(): Promise<void> {
    this.#screen?.dispose()
    await this.#writer.close()
  }

  get #facts(): DrawnFacts {
    return drawnFacts(this.#walks.get('cast')?.facts)
  }

  // One whose screen has not begun shows no terminal either.
  get #isDesktop(): boolean {
    return this.#walks.get('cast')?.facts?.type === 'desktop' || shownStream(this.#writer.table) === 'rfb'
  }

  async #part(part: IndexedFrame): Promise<void> {
    if (part.kind !== 'frame') this.#writer.frame(part, undefined)
    else if (part.stream === 'rfb') await this.#desktopFrame(part)
    else await this.#terminalFrame(part)
  }

  async #desktopFrame(part: IndexedFrame): Promise<void> {
    const { activity, fullest, refused, undrawn } = await trackDesktop(this.#tools, this.#place, part)
    const facts = { ...(refused && { refused }), ...(undrawn && { undrawn }), ...(fullest && { fullest }) }
    this.#writer.frame({ ...part, ...facts }, activity)
  }

  async #terminalFrame(part: IndexedFrame): Promise<void> {
    const { offset, size, bodyOffset = 0, bodySize = 0, rawBytes = 0, endUs } = part
    const body = await readWhole(this.#tools.store, this.#place, 'cast', bodyOffset, bodyOffset + bodySize)
    const track = await this.#terminal()
    const frame = { offset, next: offset + size, rawBytes, endUs }
    const drawn = await this.#tools.guarded(this.recording, () =>
      track.frame(frame, inflated(body, rawBytes)),
    )
    for (const { facts: at, written } of drawn.pictures) this.#writer.picture(at, written)
    const { undrawn, fullest, activity } = drawn
    this.#writer.frame({ ...part, ...(undrawn && { undrawn }), ...(fullest && { fullest }) }, activity)
  }

  // Goes on from the last picture: what came behind it drew nothing, or no picture would be right.
  async #terminal(): Promise<TerminalTrack> {
    if (this.#track) return this.#track
    const { columns, rows, isCommand } = this.#facts
    const screen = new EmulatedScreen(columns, rows, this.#tools.cpuMs)
    const { pictures, frames } = this.#writer.table
    const last = pictures.at(-1)
    const picture = last && (await readPicture(this.#tools, this.#place, last))
    if (picture) screen.restore(decodePicture(picture))
    this.#screen = screen
    this.#track = new TerminalTrack(screen, isCommand, {
      latestUs: frames.findLast(isTimelineFrame)?.endUs ?? 0,
      undrawn: frames.some(({ undrawn }) => undrawn) || (last !== undefined && !picture),
    })
    return this.#track
  }

  async #allEnded(): Promise<boolean> {
    if (!this.#ended.has('cast')) return false
    return this.#ended.has('rfb') || (await this.#tools.store.size(this.#place, 'rfb')) === undefined
  }

  async #finish(): Promise<void> {
    await this.addPoster()
    if (!this.#isDesktop) await addStrip(this.#tools, this.#place, this.#writer, this.#facts)
    const { store } = this.#tools
    const [cast, rfb] = [await store.size(this.#place, 'cast'), await store.size(this.#place, 'rfb')]
    this.#writer.finish({ ...(cast !== undefined && { cast }), ...(rfb !== undefined && { rfb }) })
    await this.#writer.flush()
    this.#done = true
  }
}

function isTimelineFrame({ stream, kind }: IndexedFrame): boolean {
  return stream === 'cast' && kind === 'frame'
}
