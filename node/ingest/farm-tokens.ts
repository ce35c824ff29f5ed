import type { Crypto, Signer } from '../../format/ports.ts'
import { recordingPath } from '../../format/recording-id.ts'
import { openToken, type Receipt, signToken } from '../../format/token.ts'
import { WireError } from '../../wire/wire-error.ts'
import type { StorePlace } from '../store/store-place.ts'

// What the farm signs for agents: where a recording lies, so that any node can go on with it without asking a database,
// and how far it is stored for good.

export interface FarmTokens {
  readonly farm: string
  place(recording: string, place: StorePlace): string
  /** Throws WireError `place` for one that is not of this farm or not of this recording. */
  openPlace(token: string, recording: string): StorePlace
  receipt(receipt: Pick<Receipt, 'recording' | 'stream' | 'offset' | 'seal' | 'final' | 'discarded'>): string
  /** Offset of a receipt that an agent shows; `undefined` when it is not of this farm or another stream's. */
  openReceipt(token: string, recording: string, stream: string): number | undefined
}

export function openFarmTokens(farm: string, signer: Signer, crypto: Crypto): FarmTokens {
  return {
    farm,
    place: (recording, { store, path }) => signToken({ t: 'place', recording, store, path, farm }, signer),
    openPlace(token, recording) {
      try {
        const place = openToken(token, 'place', signer.publicKey, crypto)
        if (place.recording === recording && place.path === recordingPath(recording))
          return { store: place.store, path: place.path }
      } catch {
        // Refused below, in the words of the wire.
      }
      throw new WireError(
        'place',
        `The place shown for ${recording} is not one of this farm's.`,
        'Open without it.',
      )
    },
    receipt: (receipt) => signToken({ t: 'receipt', ...receipt, time: Date.now(), farm }, signer),
    openReceipt(token, recording, stream) {
      try {
        const receipt = openToken(token, 'receipt', signer.publicKey, crypto)
        return receipt.recording === recording && receipt.stream === stream ? receipt.offset : undefined
      } catch {
        return undefined
      }
    },
  }
}
