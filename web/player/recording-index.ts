import { signal } from '@preact/signals'
import type { ImageFacts, PictureFacts } from '../../format/index-records.ts'
import { decodePicture, pictureBytesMax } from '../../format/picture-bytes.ts'
import type { Picture } from '../../format/terminal-snapshot.ts'
import type { IndexAnswer, StoredIndex } from './stored-stream.ts'
import { inflate } from './terminal/frame-decoder.ts'

/** An index that grows is asked again no sooner. */
const freshMs = 4000
/** Decoded pictures kept: a pointer over the timeline comes by the same ones again. */
const decodedMax = 8

export interface Strip extends ImageFacts {
  url: string
}

/** The server's index of a recording, as far as there is one. Nothing of it is needed: without, all is drawn here. */
export class RecordingIndex {
  /** Thumbnails, once there are. */
  readonly strip = signal<Strip | undefined>(undefined)
  /** Told of each answer. */
  onLoaded: ((index: IndexAnswer) => void) | undefined
  readonly #stored: StoredIndex | undefined
  readonly #gone = new AbortController()
  readonly #decoded = new Map<number, Promise<Picture | undefined>>()
  #index: IndexAnswer | undefined
  #askedMs = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  /** `stored` is left out where there can be none. */
  constructor(stored: StoredIndex | undefined) {
    this.#stored = stored
  }

  /** Up to where the timeline is indexed. */
  get coveredBytes(): number {
    return this.#index?.coveredBytes ?? 0
  }

  get isMade(): boolean {
    return this.#index?.state === 'ready'
  }

  /** Worth asking again. */
  get isComing(): boolean {
    return this.#stored !== undefined && ['waits', 'none', undefined].includes(this.#index?.state)
  }

  /** Asks the server. Never rejects: what it does not say is not known. */
  load(): Promise<void> {
    this.#asking ??= this.#load().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  /** As `load`, unless it was asked a moment ago. */
  async freshen(): Promise<void> {
    if (performance.now() - this.#askedMs > freshMs) await this.load()
  }

  /** The last picture that shows nothing later than `timeUs`. */
  nearest(timeUs: number): IndexAnswer['pictures'][number] | undefined {
    const pictures = this.#index?.pictures ?? []
    let low = 0
    let high = pictures.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (pictures[middle]!.timeUs <= timeUs) low = middle + 1
      else high = middle
    }
    return pictures[low - 1]
  }

  /** `undefined` where it cannot be had. */
  picture(facts: PictureFacts & { at: number }): Promise<Picture | undefined> {
    const known = this.#decoded.get(facts.at)
    if (known) return known
    const decoding = this.#decode(facts).catch(() => {
      this.#decoded.delete(facts.at)
      return undefined
    })
    if (this.#decoded.size >= decodedMax) this.#decoded.delete(this.#decoded.keys().next().value!)
    this.#decoded.set(facts.at, decoding)
    return decoding
  }

  close(): void {
    this.#gone.abort()
    this.onLoaded = undefined
  }

  async #load(): Promise<void> {
    if (!this.#stored) return
    this.#askedMs = performance.now()
    const index = await this.#stored.answer(this.#gone.signal).catch(() => undefined)
    if (!index) return
    this.#index = index
    this.onLoaded?.(index)
    const strip = index.images.findLast(({ use }) => use === 'strip')
    if (strip) this.strip.value = { ...strip, url: this.#stored.url(strip.at) }
  }

  async #decode({ at, rawBytes }: PictureFacts & { at: number }): Promise<Picture | undefined> {
    if (rawBytes > pictureBytesMax) return undefined
    const stored = await this.#stored?.block(at, this.#gone.signal)
    return stored && decodePicture(await inflate(stored, rawBytes))
  }
}
