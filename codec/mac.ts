import { createHmac } from 'node:crypto'
import { utf8 } from '../format/bytes.ts'
import { type Mac, macBytes } from '../format/index-block.ts'
import type { Signer } from '../format/ports.ts'

/** Signed, it is a secret that only who holds the farm's key can make: Ed25519 signs the same the same way every time. */
const keyText = 'tapedeck index key 1'

/** The secret that a farm's nodes prove their indexes with. */
export function indexKey(farm: Signer): Uint8Array {
  return farm.sign(utf8(keyText))
}

export function openMac(key: Uint8Array): Mac {
  return (parts) => {
    const digest = createHmac('sha256', key)
    for (const part of parts) digest.update(part)
    return digest.digest().subarray(0, macBytes)
  }
}
