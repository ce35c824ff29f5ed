import { createHash, type KeyObject, verify } from 'node:crypto'
import type { Crypto } from '../format/ports.ts'
import { publicKeyObject } from './ed25519.ts'

/** Ed25519 keys are few (one an agent) and costly to parse, so the last ones are kept. */
const keysKept = 64

/** Node's SHA-256 and Ed25519 behind the format's port. */
export function openCrypto(): Crypto {
  const keys = new Map<string, KeyObject>()
  return {
    sha256() {
      const hash = createHash('sha256')
      return {
        update(bytes) {
          hash.update(bytes)
        },
        digest: () => hash.digest(),
      }
    },
    verify(publicKey, bytes, signature) {
      if (publicKey.length !== 32 || signature.length !== 64) return false
      const name = publicKey.toHex()
      const key = keys.get(name) ?? publicKeyObject(publicKey)
      if (!keys.has(name)) {
        if (keys.size >= keysKept) keys.delete(keys.keys().next().value!)
        keys.set(name, key)
      }
      return verify(null, bytes, key, signature)
    },
  }
}
