import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

// OWASP's lowest for scrypt at 32 MiB (N=2^15, r=8, p=3): some 150 ms of one core a guess.
const cost = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 }
const keyBytes = 32

/** Shorter ones are guessed from a stolen catalog. */
export const passwordCharactersMin = 10
/** Longer ones only cost time to hash. */
export const passwordCharactersMax = 256
/** Hashed at the same time, 32 MiB each. */
export const hashesMax = 4
/** Who would wait longer than these many is turned away. */
export const hashesWaitingMax = 64

/** `scrypt$N$r$p$salt$key`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password.normalize('NFKC'), salt, keyBytes, cost)
  return `scrypt$${cost.N}$${cost.r}$${cost.p}$${salt.toString('base64url')}$${key.toString('base64url')}`
}

/** Takes as long for a user who is not there (`stored` null) as for one who is. */
export async function checkPassword(password: string, stored: string | null): Promise<boolean> {
  const parts = stored?.split('$')
  const [kind, n, r, p, salt, key] = parts ?? []
  if (kind !== 'scrypt' || !salt || !key) {
    await derive(password, Buffer.alloc(16), keyBytes, cost)
    return false
  }
  const wanted = Buffer.from(key, 'base64url')
  const options = { N: Number(n), r: Number(r), p: Number(p), maxmem: cost.maxmem }
  const found = await derive(
    password.normalize('NFKC'),
    Buffer.from(salt, 'base64url'),
    wanted.length,
    options,
  )
  return timingSafeEqual(found, wanted)
}

/** Passwords a newcomer can type: 20 letters and digits without look-alikes, 99 bits. */
export function makePassword(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789'
  return [...randomBytes(20)]
    .map((byte) => letters[byte % letters.length])
    .join('')
    .replace(/.{5}(?!$)/g, '$&-')
}
