import { createHash, randomBytes } from 'node:crypto'

/** 256 random bits as text: nothing to guess, so one round of SHA-256 is enough to keep them. */
export function makeSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What the catalog keeps of a secret. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}
