import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { generate } from 'selfsigned'
import { farmIdOf, generateKeyPem, publicKeyFromPem, publicKeyPem } from '../codec/ed25519.ts'
import { replaceFile } from '../disk/atomic-replace.ts'
import { makeFolder } from '../disk/folder.ts'
import { addEnrolmentToken } from './catalog/agents.ts'
import { type CatalogDatabase, openCatalog } from './catalog/open-catalog.ts'
import { readSetting, writeSetting } from './catalog/settings.ts'
import { addApiToken, findApiToken } from './catalog/sign-ins.ts'
import { addUser, listUsers } from './catalog/users.ts'
import { nodeConfigPath } from './config.ts'
import { hashPassword, makePassword } from './http/passwords.ts'
import { policySetting } from './policy/active-policy.ts'
import type { Role } from './policy/roles.ts'
import { readNodeConfig } from './read-config.ts'
import { createStore } from './store/store-identity.ts'

export interface SetUp {
  /** False when the home was complete already. */
  created: boolean
  /** The first administrator, when this call made it: the only time its password is known. */
  admin?: { user: string; password: string; roles: Role[] }
  /** For the agent of this machine: one use, one hour. */
  enrolmentToken: string
  /** node.json. */
  config: string
}

/** SPEC S6: nobody may play by default; who sets up one machine for themselves may, and `up` says so. */
const adminRoles: Role[] = ['PolicyAdministrator', 'LoggingReader', 'Player']
const enrolmentMs = 3_600_000
/** Browsers refuse longer ones. */
const certificateDays = 825

export interface NodeHome {
  home: string
  port: number
  /** SQLite's file or `postgres://…`, for a home that has no config yet. */
  catalog?: string
  /** Other settings of node.json: they are changed, or made with it. Folders in `stores` become stores with it. */
  settings?: Record<string, unknown>
  /** DNS names of the certificate that is made, beside this machine's. */
  names?: string[]
}

/**
 * Makes what one machine needs under `home`, or what is missing of it: farm key, TLS certificate, store folders, catalog
 * with its first administrator, the command line's token. No node may run on this home meanwhile.
 */
export async function setUpNode({
  policy,
  ...nodeHome
}: NodeHome & {
  /** Recording policy to begin with, where none was chosen yet. */
  policy?: string
}): Promise<SetUp> {
  const { created, config, farmId } = await makeNodeHome(nodeHome)
  const { home, port } = nodeHome
  const db = await openCatalog((await readNodeConfig(config)).catalog)
  try {
    const admin = await firstAdministrator(db)
    if (policy !== undefined && (await readSetting(db, policySetting)) === undefined)
      await writeSetting(db, policySetting, policy)
    await clientToken(db, home, admin?.user)
    const secret = await addEnrolmentToken(db, {
      uses: 1,
      expiresMs: Date.now() + enrolmentMs,
      createdBy: 'set-up',
    })
    await writeClient(home, `https://localhost:${port}`)
    return { created, ...(admin && { admin }), enrolmentToken: `${secret}.${farmId}`, config }
  } finally {
    await db.destroy()
  }
}

/** The part of it that lies in files; no database is touched. */
export async function makeNodeHome({
  home,
  port,
  catalog = 'catalog.db',
  settings = {},
  names = [],
}: NodeHome): Promise<{ created: boolean; config: string; farmId: string }> {
  const node = join(home, 'node')
  await makeFolder(join(home, 'farm'))
  await makeFolder(node)
  const farmId = await farmKey(home)
  await tls(node, names)
  const config = nodeConfigPath(home)
  const created = (await read(config)) === undefined
  const first = { ...firstConfig(catalog), port, ...settings }
  // Never again: later an empty folder is a share that is not mounted.
  if (created) for (const store of first.stores) await createStore(resolve(node, store), farmId)
  await makeFolder(join(node, 'restore'))
  if (created) await replaceFile(config, `${JSON.stringify(first, null, 2)}\n`)
  else await writeSettings(config, { port, ...settings })
  return { created, config, farmId }
}

/** Tells the command line where its node is; call it again once a free port (0) is known. */
export async function writeClient(home: string, url: string): Promise<void> {
  const client = { url, ca: join('node', 'tls.crt'), tokenFile: 'client.token' }
  await replaceFile(join(home, 'client.json'), `${JSON.stringify(client, null, 2)}\n`)
}

async function farmKey(home: string): Promise<string> {
  const path = join(home, 'farm', 'farm.key')
  let pem = await read(path)
  if (pem === undefined) {
    pem = generateKeyPem()
    await replaceFile(path, pem, 0o600)
  }
  const publicKey = publicKeyFromPem(pem)
  await replaceFile(join(home, 'farm', 'farm.pub'), publicKeyPem(publicKey), 0o644)
  return farmIdOf(publicKey)
}

async function tls(node: string, more: string[]): Promise<void> {
  const key = join(node, 'tls.key')
  const cert = join(node, 'tls.crt')
  if ((await read(key)) !== undefined && (await read(cert)) !== undefined) return
  const names = [...new Set(['localhost', hostname(), ...more])]
  const made = await generate([{ name: 'commonName', value: `Tapedeck ${hostname()}`.slice(0, 64) }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + certificateDays * 86_400_000),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...names.filter((name) => !isIP(name)).map((value) => ({ type: 2 as const, value })),
          ...['127.0.0.1', '::1', ...names.filter((name) => isIP(name))].map((ip) => ({
            type: 7 as const,
            ip,
          })),
        ],
      },
    ],
  })
  await replaceFile(key, made.private, 0o600)
  await replaceFile(cert, made.cert, 0o644)
}

async function firstAdministrator(db: CatalogDatabase): Promise<SetUp['admin']> {
  if ((await listUsers(db)).some((user) => user.roles.includes('PolicyAdministrator'))) return undefined
  const password = makePassword()
  const taken = (name: string) => addUserNamed(db, name, password)
  const user = (await taken('admin')) ?? (await taken(`admin-${randomUUID().slice(0, 4)}`))
  return { user: user!, password, roles: adminRoles }
}

async function addUserNamed(
  db: CatalogDatabase,
  name: string,
  password: string,
): Promise<string | undefined> {
  const user = { name, roles: adminRoles, password: await hashPassword(password), createdMs: Date.now() }
  return (await addUser(db, user)) ? name : undefined
}

async function clientToken(db: CatalogDatabase, home: string, admin: string | undefined): Promise<void> {
  const path = join(home, 'client.token')
  const found = (await read(path))?.trim()
  if (found && (await findApiToken(db, found))) return
  const users = await listUsers(db)
  const userName = admin ?? users.find((user) => user.roles.includes('PolicyAdministrator'))!.name
  const token = await addApiToken(db, { userName, label: 'command line', nowMs: Date.now() })
  await replaceFile(path, `${token}\n`, 0o600)
}

// What an operator changed in it stays; what this start asks for is changed.
async function writeSettings(path: string, settings: Record<string, unknown>): Promise<void> {
  const before = JSON.parse((await read(path))!) as Record<string, unknown>
  const after = { ...before, ...settings }
  if (JSON.stringify(after) !== JSON.stringify(before))
    await replaceFile(path, `${JSON.stringify(after, null, 2)}\n`)
}

function firstConfig(catalog: string): Record<string, unknown> & { stores: string[] } {
  return {
    name:
      hostname()
        .replace(/[^\w.-]/g, '-')
        .slice(0, 50) || 'node',
    host: '127.0.0.1',
    stores: ['recordings'],
    restore: 'restore',
    catalog,
    tlsKey: 'tls.key',
    tlsCert: 'tls.crt',
    farmKey: '../farm/farm.key',
  }
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
