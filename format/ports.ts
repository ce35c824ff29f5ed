// What this pure folder needs from outside: digests and signatures. Node's are in codec/, the browser's in web/.

/** A running SHA-256. `digest` ends it. */
export interface Hash {
  update(bytes: Uint8Array): void
  digest(): Uint8Array
}

/** Checks. `publicKey` is the raw 32-byte Ed25519 key (RFC 8032), `signature` 64 bytes. Never throws for wrong lengths. */
export interface Crypto {
  sha256(): Hash
  verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean
}

/** Holds a private key. `publicKey` is the raw 32-byte Ed25519 key. */
export interface Signer {
  readonly publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}
