import { execFileSync } from 'node:child_process'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { openCrypto } from '../../codec/crypto.ts'
import {
  farmIdOf,
  generateKeyPem,
  publicKeyFromPem,
  publicKeyPem,
  signerFromPem,
} from '../../codec/ed25519.ts'
import { toBase64url, utf8 } from '../../format/bytes.ts'
import { temporaryFolder } from '../helpers/test-node.ts'

// RFC 8032, section 7.1, test 2.
const known = {
  publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
  message: '72',
  signature:
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
}

test('a known signature holds, and no changed one', (t) => {
  const { verify } = openCrypto()
  const [key, message, signature] = [known.publicKey, known.message, known.signature].map((hex) =>
    Uint8Array.fromHex(hex),
  ) as [Uint8Array, Uint8Array, Uint8Array]
  t.true(verify(key, message, signature))
  for (let i = 0; i < 64; i++) {
    const changed = signature.slice()
    changed[i]! ^= 1
    t.false(verify(key, message, changed))
  }
  t.false(verify(key, utf8('x'), signature))
  // Lengths that are none: false, never an exception.
  for (const wrong of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(33)])
    t.false(verify(wrong, message, signature))
  t.false(verify(key, message, signature.subarray(1)))
  t.false(verify(new Uint8Array(32).fill(0xff), message, signature))
})

test('keys as PEM and raw; signatures are the same each time', (t) => {
  const pem = generateKeyPem()
  const signer = signerFromPem(pem)
  t.is(signer.publicKey.length, 32)
  t.deepEqual(publicKeyFromPem(pem), signer.publicKey)
  t.deepEqual(publicKeyFromPem(publicKeyPem(signer.publicKey)), signer.publicKey)
  t.deepEqual(signer.sign(utf8('a')), signer.sign(utf8('a')))
  t.true(openCrypto().verify(signer.publicKey, utf8('a'), signer.sign(utf8('a'))))
  t.is(farmIdOf(signer.publicKey), toBase64url(createHash('sha256').update(signer.publicKey).digest()))
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  })
  t.throws(() => signerFromPem(rsa as string), { message: /Expected an Ed25519 key/ })
})

test('openssl reads the keys and agrees', async (t) => {
  const folder = await temporaryFolder(t)
  const pem = generateKeyPem()
  const signer = signerFromPem(pem)
  const at = (name: string) => join(folder, name)
  await Promise.all([
    writeFile(at('pub'), publicKeyPem(signer.publicKey)),
    writeFile(at('data'), 'what was signed'),
    writeFile(at('sig'), signer.sign(utf8('what was signed'))),
  ])
  try {
    const said = execFileSync('openssl', [
      'pkeyutl',
      '-verify',
      '-pubin',
      '-inkey',
      at('pub'),
      '-rawin',
      '-in',
      at('data'),
      '-sigfile',
      at('sig'),
    ])
    t.regex(said.toString(), /Verified Successfully/)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    t.log('skipped: there is no openssl here')
    t.pass()
  }
})

test('a running digest, and more keys than are kept', (t) => {
  const { sha256, verify } = openCrypto()
  const hash = sha256()
  for (const piece of ['ab', '', 'c']) hash.update(utf8(piece))
  t.is(hash.digest().toHex(), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  const signers = Array.from({ length: 100 }, () => signerFromPem(generateKeyPem()))
  for (let round = 0; round < 2; round++)
    for (const signer of signers) t.true(verify(signer.publicKey, utf8('x'), signer.sign(utf8('x'))))
})
