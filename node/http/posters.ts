import { toBase64url } from '../../format/bytes.ts'
import type { IndexTable } from '../../format/index-records.ts'
import type { RecordingRow } from '../catalog/schema.ts'
import { drawnFacts } from '../index/drawn-facts.ts'
import type { HttpContext } from './context.ts'
import { readableBytes, seenStream, streamBytes } from './found-recording.ts'

export interface Poster {
  type: string
  /** Another one for other bytes. */
  tag: string
  bytes: Uint8Array
}

export interface Posters {
  /** `undefined` where nothing can be shown yet. Rejects with StoreError. */
  of(row: RecordingRow): Promise<Poster | undefined>
  /** Has the index of a recording that nobody writes made where it is missing or short. */
  want(row: RecordingRow, table: IndexTable | undefined): void
}

/** Posters of sessions that run, kept: 8 KB each. */
const keptMax = 500
/** A session's is drawn at most so often, however many look at it; a desktop with a video takes a second. */
const drawEveryMs = 2_000
/** Rest after a draw, in times of what it took. */
const restShare = 4

/** Nothing is missing in the index of a recording as it is now. */
export function isWhole({ state, screenBytes }: RecordingRow, table: IndexTable | undefined): boolean {
  if (state === 'live' || !table) return table !== undefined
  // A screen may come in behind the timeline's end.
  const ended = table.sizes.cast !== undefined && (screenBytes === 0 || table.sizes.rfb !== undefined)
  const finished = state !== 'complete' || ended
  return finished && table.images.some(({ use }) => use === 'poster')
}

interface Kept {
  size: number
  notBeforeMs: number
  poster: Promise<Poster | undefined>
}

/** Posters from indexes, and drawn where a session still runs or has no index yet. */
export function openPosters(context: Pick<HttpContext, 'indexer' | 'live' | 'store'>): Posters {
  const { indexer } = context
  const kept = new Map<string, Kept>()

  const want = (row: RecordingRow, table: IndexTable | undefined) => {
    if (row.state !== 'live' && indexer.state(row.id) === 'idle' && !isWhole(row, table))
      indexer.build(row.id, false)
  }

  const drawn = async (row: RecordingRow) => {
    const stream = seenStream(row)
    const size = await (stream === 'cast' ? readableBytes(context, row) : streamBytes(context, row, stream))
    if (size === undefined) return undefined
    const known = kept.get(row.id)
    if (known && (known.size === size || Date.now() < known.notBeforeMs)) return known.poster
    const facts = JSON.parse(row.facts) as { columns?: number; rows?: number }
    const startedMs = Date.now()
    const poster = indexer
      .draw({ recording: row.id, stream, size, ...drawnFacts({ ...facts, type: row.type }) })
      .then((image) => image && { ...image, tag: `live.${size}` })
    kept.delete(row.id)
    const drawing: Kept = { size, notBeforeMs: Number.POSITIVE_INFINITY, poster }
    kept.set(row.id, drawing)
    void poster.then((image) => {
      const nowMs = Date.now()
      drawing.notBeforeMs = Math.max(startedMs + drawEveryMs, nowMs + restShare * (nowMs - startedMs))
      // Of one that could not be drawn another look asks again.
      if (!image && kept.get(row.id) === drawing) kept.delete(row.id)
    })
    if (kept.size > keptMax) kept.delete(kept.keys().next().value!)
    return poster
  }

  return {
    want,
    async of(row) {
      if (row.state === 'live') return drawn(row)
      const block = await indexer.poster(row)
      if (block) return { type: String(block.facts.type), tag: toBase64url(block.mac), bytes: block.body }
      const table = await indexer.table(row)
      want(row, table)
      const image = table?.images.findLast(({ use }) => use === 'poster')
      const found = image && (await indexer.block(row, image.at))
      if (found) return { type: image.type, tag: toBase64url(found.mac), bytes: found.body }
      return drawn(row)
    },
  }
}
