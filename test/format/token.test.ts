import test from 'ava'
import fc from 'fast-check'
import { openToken, type Share, signToken } from '../../format/token.ts'
import { crypto, makeIdentities, sampleId } from '../helpers/sample-stream.ts'

const { farm, agent } = makeIdentities()
const share: Share = { t: 'share', recording: sampleId(), time: 12, issuer: 'ada', until: 99, farm: 'f' }
const token = signToken(share, farm)

test('a token says what was signed', (t) => {
  t.deepEqual(openToken(token, 'share', farm.publicKey, crypto), share)
})

test('another signer, another kind and any changed character are refused', (t) => {
  t.throws(() => openToken(signToken(share, agent), 'share', farm.publicKey, crypto), {
    code: 'token-signature',
  })
  t.throws(() => openToken(token, 'receipt', farm.publicKey, crypto), { code: 'token' })
  for (let at = 0; at < token.length; at++) {
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    t.throws(() => openToken(changed, 'share', farm.publicKey, crypto), { name: 'FormatError' })
  }
})

test('no text at all makes it throw anything but a FormatError', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      t.throws(() => openToken(text, 'share', farm.publicKey, crypto), { name: 'FormatError' })
    }),
  )
})
