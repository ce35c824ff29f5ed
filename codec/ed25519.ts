import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { concatBytes, toBase64url } from '../format/bytes.ts'
import type { Signer } from '../format/ports.ts'

// Keys lie on disk as PEM, so that openssl reads them; in certificates and messages as raw 32 bytes (RFC 8032).

/** SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes (RFC 8410, section 4). */
const spkiPrefix = Uint8Array.fromHex('302a300506032b6570032100')

/** A new key as PEM (PKCS #8). Write it with mode 0600. */
export function generateKeyPem(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
}

/** Throws Node's error when the text is no Ed25519 private key. */
export function signerFromPem(pem: string): Signer {
  const key = createPrivateKey(pem)
  if (key.asymmetricKeyType !== 'ed25519')
    throw new TypeError(`Expected an Ed25519 key, got ${key.asymmetricKeyType}.`)
  return { publicKey: rawPublicKey(createPublicKey(key)), sign: (bytes) => sign(null, bytes, key) }
}

/** Raw 32 bytes of the public key in a PEM, private or public. */
export function publicKeyFromPem(pem: string): Uint8Array {
  return rawPublicKey(createPublicKey(pem))
}

/** `raw` = 32 bytes. */
export function publicKeyPem(raw: Uint8Array): string {
  return publicKeyObject(raw).export({ type: 'spki', format: 'pem' }) as string
}

export function publicKeyObject(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(concatBytes([spkiPrefix, raw])), type: 'spki', format: 'der' })
}

/** The farm's name: base64url of SHA-256 over its raw public key. */
export function farmIdOf(publicKey: Uint8Array): string {
  return toBase64url(createHash('sha256').update(publicKey).digest())
}

function rawPublicKey(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: 'spki', format: 'der' }).subarray(spkiPrefix.length))
}
