import { tryInflate } from '../../codec/zstd.ts'
import type { BlockPlace, PictureFacts } from '../../format/index-records.ts'
import { pictureBytesMax } from '../../format/picture-bytes.ts'
import type { StorePlace } from '../store/store-place.ts'
import type { IndexTools } from './index-tools.ts'
import { readIndexBlock } from './read-index.ts'

/** A picture as written; `undefined` where the index does not have it whole. Rejects with StoreError. */
export async function readPicture(
  { store, mac }: Pick<IndexTools, 'store' | 'mac'>,
  place: StorePlace,
  { at }: PictureFacts & BlockPlace,
): Promise<Uint8Array | undefined> {
  const block = await readIndexBlock(store, place, mac, at)
  return block?.kind === 'picture' ? tryInflate(block.body, pictureBytesMax) : undefined
}
