import { readFile } from 'node:fs/promises'
import { openCrypto } from '../../codec/crypto.ts'
import { farmIdOf, publicKeyFromPem, signerFromPem } from '../../codec/ed25519.ts'
import { fromBase64url, toBase64url, utf8 } from '../../format/bytes.ts'
import { CommandError } from '../command-error.ts'
import { type SecretName, secretNames } from './shared-settings.ts'

// A node's configuration in one file, for other nodes of its farm:
//
//   file = JSON LF "signature: " base64url(Ed25519 by the farm's key over "tapedeck.config.1" LF JSON) LF
//
// It has the farm's keys and passwords in it, because who joins needs them: the signature says whose it is, not who may
// read it.

export interface Bundle {
  /** Version of the program that wrote it. */
  product: string
  farm: string
  /** The node it was taken from. */
  from: string
  made: string
  /** Settings of node.json that all nodes of the farm share. */
  config: Record<string, unknown>
  secrets: Partial<Record<SecretName, string>>
  /** What each store said it is: a joining node must see the same. */
  stores: Record<string, string>
}

const title = 'tapedeck.config.1'
const signatureLine = 'signature: '
/** Keys and settings are some KiB. */
const bundleBytesMax = 1024 * 1024

export function sealBundle(bundle: Bundle): string {
  const json = JSON.stringify(bundle, null, 2)
  const signature = signerFromPem(bundle.secrets.farmKey!).sign(utf8(`${title}\n${json}`))
  return `${json}\n${signatureLine}${toBase64url(signature)}\n`
}

/** `farmId` = the farm it has to be of. Throws CommandError. */
export function openBundle(text: string, farmId: string): Bundle {
  const at = text.lastIndexOf(`\n${signatureLine}`)
  const refuse = (why: string) =>
    new CommandError(
      'config-file',
      `This is no configuration of the farm: ${why}.`,
      "Export it again with 'tapedeck config-sync export'.",
    )
  if (at < 0 || text.length > bundleBytesMax) throw refuse('it has no signature')
  const json = text.slice(0, at)
  const signature = fromBase64url(text.slice(at + 1 + signatureLine.length).trim())
  let bundle: Bundle
  let key: Uint8Array
  try {
    bundle = JSON.parse(json) as Bundle
    key = publicKeyFromPem(bundle.secrets.farmKey!)
  } catch {
    throw refuse('it cannot be read')
  }
  if (farmIdOf(key) !== farmId) throw refuse(`it is of the farm ${farmIdOf(key)}, expected ${farmId}`)
  if (!signature || !openCrypto().verify(key, utf8(`${title}\n${json}`), signature))
    throw refuse('it was changed after it was signed')
  if (Object.keys(bundle.secrets).some((name) => !secretNames.includes(name as SecretName)))
    throw refuse('it has files that this version does not know')
  return bundle
}

/** The farm of a home, or the one that the operator names for a machine that has none yet. */
export async function readBundle(path: string, farmId: string | undefined, home?: string): Promise<Bundle> {
  const own = home && (await farmOf(home))
  if (own && farmId !== undefined && own !== farmId)
    throw new CommandError('farm', `This node belongs to the farm ${own}, not to ${farmId}.`, '', 2)
  const expected = farmId ?? own
  if (expected === undefined)
    throw new CommandError(
      'farm',
      'This machine belongs to no farm yet, so it cannot tell whose file this is.',
      "Say it with --farm-id: 'tapedeck config-sync export' prints it.",
      2,
    )
  return openBundle(await readFile(path, 'utf8'), expected)
}

async function farmOf(home: string): Promise<string | undefined> {
  const pem = await readFile(`${home}/farm/farm.pub`, 'utf8').catch(() => undefined)
  return pem && farmIdOf(publicKeyFromPem(pem))
}
