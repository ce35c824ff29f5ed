import { link, readFile, rm } from 'node:fs/promises'
import { replaceFile } from '../../disk/atomic-replace.ts'
import type { Signer } from '../../format/ports.ts'
import { encodeSigned } from '../../format/signed-json.ts'
import { encodeSkippable, magic, skippableHeaderBytes } from '../../format/skippable.ts'
import type { Store, StorePlace } from './store.ts'

// LOST: the farm's statement, beside a recording, that its agent went silent at some offset. It is withdrawn when the
// agent comes back; the stream itself is never touched.

export interface LostMark {
  v: 1
  recording: string
  offset: number
  sinceMs: number
}

/** Exclusive: of two nodes that notice, one writes. */
export async function markLost(store: Store, place: StorePlace, mark: LostMark, farm: Signer): Promise<void> {
  const path = await store.farmFile(place)
  const made = `${path}.${process.pid}`
  await replaceFile(made, encodeSkippable(magic.lost, encodeSigned({ ...mark }, farm)))
  try {
    await link(made, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(made, { force: true })
  }
}

export async function readLostMark(store: Store, place: StorePlace): Promise<LostMark | undefined> {
  try {
    const bytes = await readFile(await store.farmFile(place))
    return JSON.parse(bytes.subarray(skippableHeaderBytes).toString()) as LostMark
  } catch {
    return undefined
  }
}

export async function withdrawLost(store: Store, place: StorePlace): Promise<void> {
  await store.removeFarmFile(place)
}
