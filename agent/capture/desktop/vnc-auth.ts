import { createCipheriv, createDecipheriv } from 'node:crypto'
import { DesktopError } from './desktop-error.ts'
import { readSecret } from './read-secret.ts'

// VNC authentication (RFC 6143, 7.2.2): DES of a 16-byte challenge under a password of 8 bytes, whose bits VNC reads in
// reverse. OpenSSL has single DES no longer, but three times the same key in EDE is it.

const passwordBytes = 8
/** Under this key vncpasswd hides a password in its file: known to everybody, so the file's mode protects it. */
const fileKey = Uint8Array.fromHex('17526b06234e5807')

export function answerChallenge(challenge: Uint8Array, password: Uint8Array): Uint8Array {
  const cipher = createCipheriv('des-ede3', tripleKey(password), null).setAutoPadding(false)
  return Buffer.concat([cipher.update(challenge), cipher.final()])
}

/** The password in a file of vncpasswd, which may hold a second one for viewing only behind it. `owners` = whose it must be. */
export async function readPasswordFile(path: string, owners?: readonly number[]): Promise<Uint8Array> {
  let bytes: Uint8Array
  try {
    bytes = await readSecret(path, owners)
  } catch (error) {
    throw new DesktopError(
      'password-file',
      `The VNC password file ${path} cannot be read: ${(error as Error).message}`,
      {
        hint: 'Name a file that vncpasswd made, and that the agent may read.',
        cause: error,
      },
    )
  }
  if (bytes.length < passwordBytes)
    throw new DesktopError(
      'password-file',
      `The VNC password file ${path} has ${bytes.length} bytes, expected 8.`,
      {
        hint: 'Make it with vncpasswd.',
      },
    )
  const decipher = createDecipheriv('des-ede3', tripleKey(fileKey), null).setAutoPadding(false)
  return Buffer.concat([decipher.update(bytes.subarray(0, passwordBytes)), decipher.final()])
}

function tripleKey(password: Uint8Array): Uint8Array {
  const key = new Uint8Array(passwordBytes)
  key.set(password.subarray(0, passwordBytes))
  const reversed = key.map(reverseBits)
  return Buffer.concat([reversed, reversed, reversed])
}

function reverseBits(byte: number): number {
  let bits = 0
  for (let i = 0; i < 8; i++) bits |= ((byte >> i) & 1) << (7 - i)
  return bits
}
