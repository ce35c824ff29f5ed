import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { contentOf } from '../../agent/host/undo-list.ts'
import { publicKeyFromPem, publicKeyPem } from '../../codec/ed25519.ts'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { makeFolder } from '../../disk/folder.ts'
import { type NodeConfig, nodeConfigPath, parseNodeConfig } from '../../node/config.ts'
import { identityOf } from '../../node/store/store-identity.ts'
import { productVersion } from '../../service/product-version.ts'
import { asOwnerOf } from '../as-owner.ts'
import { CommandError } from '../command-error.ts'
import type { Bundle } from './bundle.ts'
import { changedSettings } from './changed-settings.ts'
import { ownSettings, type SecretName, withPasswordFile } from './shared-settings.ts'

export interface Imported {
  /** One line each; empty when the node is like the other one already. */
  changes: string[]
  /** Where the files that were replaced lie now. */
  backup?: string
}

/** What a node that has no configuration yet begins with. */
const firstOwn = () => ({
  name:
    hostname()
      .replace(/[^\w.-]/g, '-')
      .slice(0, 50) || 'node',
  host: '0.0.0.0',
  restore: 'restore',
})

/**
 * Makes the node of a home like the one the bundle was taken from; its name and its address stay. The configuration comes
 * last, so that one that was interrupted is as before, or is imported again. Throws CommandError.
 */
export function importConfig(
  home: string,
  bundle: Bundle,
  options: { dryRun?: boolean; name?: string },
): Promise<Imported> {
  // The node's own user names the files: root would read and write any of them.
  return asOwnerOf(home, () => importAsOwner(home, bundle, options))
}

async function importAsOwner(
  home: string,
  bundle: Bundle,
  { dryRun = false, name }: { dryRun?: boolean; name?: string },
): Promise<Imported> {
  const version = await productVersion()
  if (bundle.product !== version)
    throw new CommandError(
      'config-version',
      `The file is of version ${bundle.product}, this node is ${version}.`,
      'Bring both to one version, and export again.',
    )
  const path = nodeConfigPath(home)
  const node = dirname(path)
  const text = await contentOf(path)
  const before = text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>)
  const { catalogPassword, redisPassword } = bundle.secrets
  const passwords = { catalog: join(node, 'catalog.password'), redis: join(node, 'redis.password') }
  const own = before === undefined ? firstOwn() : ownSettings(before)
  const { redisPasswordFile: _, ...ownWithout } = own as Record<string, unknown>
  const after: Record<string, unknown> = {
    ...ownWithout,
    ...(name !== undefined && { name }),
    ...bundle.config,
    catalog: withPasswordFile(bundle.config.catalog, passwords.catalog),
    ...(redisPassword !== undefined && { redisPasswordFile: passwords.redis }),
  }
  const config = parseNodeConfig(after, node)
  await sameStores(bundle)

  const files = new Map<string, string>()
  const keep = (to: string, secret: SecretName) => files.set(to, bundle.secrets[secret]!)
  keep(config.farmKey, 'farmKey')
  keep(config.tlsKey, 'tlsKey')
  keep(config.tlsCert, 'tlsCert')
  if (catalogPassword !== undefined) keep(passwords.catalog, 'catalogPassword')
  if (redisPassword !== undefined) keep(passwords.redis, 'redisPassword')
  ensureWithin(home, [...files.keys()])
  const changes = [...(await changedFiles(files)), ...changedSettings(before ?? {}, after)]
  if (changes.length === 0 || dryRun) return { changes }
  const backup = await keepCopies(home, [path, ...files.keys()])
  await write(home, files, config, `${JSON.stringify(after, null, 2)}\n`)
  return { changes, ...(backup && { backup }) }
}

/** What lies elsewhere is the operator's, who brings it to each node by himself. */
function ensureWithin(home: string, paths: string[]): void {
  const outside = paths.filter((path) => !path.startsWith(`${home}/`))
  if (outside.length === 0) return
  throw new CommandError(
    'config-outside',
    `This node's node.json names files outside of its home: ${outside.join(', ')}.`,
    `Put them into ${home} first. Nothing was changed.`,
  )
}

async function sameStores({ stores }: Bundle): Promise<void> {
  for (const [path, expected] of Object.entries(stores)) {
    const found = await identityOf(path)
    if (found?.store === expected) continue
    throw new CommandError(
      'store',
      `${path} is ${found ? `the store ${found.store}` : 'no store'} here, on the other node it is ${expected}.`,
      'Mount the same share at the same place first. Nothing was changed.',
    )
  }
}

/** Of keys and passwords a digest is shown, so that the diff may be printed and kept. */
async function changedFiles(files: Map<string, string>): Promise<string[]> {
  const lines: string[] = []
  for (const [path, text] of files) {
    const before = await contentOf(path)
    if (before === text) continue
    if (before !== undefined) lines.push(`- ${path}: SHA-256 ${digest(before)}`)
    lines.push(`+ ${path}: SHA-256 ${digest(text)}`)
  }
  return lines
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)

async function keepCopies(home: string, paths: string[]): Promise<string | undefined> {
  const folder = join(home, 'before-import', new Date().toISOString().replaceAll(':', '-'))
  let kept = false
  for (const path of paths) {
    const text = await contentOf(path)
    if (text === undefined) continue
    await makeFolder(folder)
    await replaceFile(join(folder, basename(path)), text)
    kept = true
  }
  return kept ? folder : undefined
}

async function write(
  home: string,
  files: Map<string, string>,
  config: NodeConfig,
  text: string,
): Promise<void> {
  await makeFolder(home, 0o750)
  const put = async (path: string, content: string, mode: number) => {
    await makeFolder(dirname(path))
    await replaceFile(path, content, mode)
  }
  for (const [path, content] of files) await put(path, content, path === config.tlsCert ? 0o644 : 0o600)
  const publicKey = publicKeyPem(publicKeyFromPem(files.get(config.farmKey)!))
  await put(join(home, 'farm', 'farm.pub'), publicKey, 0o644)
  await put(nodeConfigPath(home), text, 0o600)
}
