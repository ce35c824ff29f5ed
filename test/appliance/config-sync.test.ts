import { chmod, chown, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { sealBundle } from '../../appliance/config-sync/bundle.ts'
import { exportConfig } from '../../appliance/config-sync/export-config.ts'
import { readNodeConfig } from '../../node/read-config.ts'
import { makeNodeHome } from '../../node/setup.ts'
import { createStore } from '../../node/store/store-identity.ts'
import { temporaryFolder } from '../helpers/test-node.ts'
import { type Ran, run } from '../helpers/up.ts'

// Homes of nodes that share a store, and a database that need not be there.
async function farmNode(t: ExecutionContext) {
  const folder = await temporaryFolder(t)
  const home = join(folder, 'first')
  const store = join(folder, 'share')
  const passwordFile = join(folder, 'db.password')
  await writeFile(passwordFile, 'of the database\n')
  const catalog = `postgres://deck@db-1,db-2/deck?passwordFile=${encodeURIComponent(passwordFile)}`
  const settings = {
    name: 'node-1',
    host: '192.0.2.11',
    stores: [store],
    publicUrl: 'https://rec.example.org',
  }
  const { farmId, config } = await makeNodeHome({ home, port: 443, catalog, settings })
  const file = join(folder, 'farm.config')
  return { folder, home, store, farmId, config, file, first: commandOn(home) }
}

function commandOn(home: string) {
  return (...args: string[]) => run('./tapedeck', args, { env: { TAPEDECK_HOME: home } })
}

async function ok(ran: Promise<Ran>): Promise<string> {
  const { status, stdout, stderr } = await ran
  if (status !== 0) throw new Error(`ended with ${status}: ${stderr}`)
  return stdout.toString()
}

test('a machine that joins becomes like the node the file is of, but for its name and address', async (t) => {
  const { folder, home, store, farmId, file, first } = await farmNode(t)
  t.regex(await ok(first('config-sync', 'export', file)), new RegExp(`--farm-id ${farmId}`))
  t.is((await stat(file)).mode & 0o777, 0o600)
  t.regex((await first('config-sync', 'export', file)).stderr, /exists already.*\[exists\]/)

  const second = join(folder, 'second')
  const join2 = commandOn(second)
  const imports = ['config-sync', 'import', file, '--name', 'node-2'] as const
  t.regex((await join2(...imports)).stderr, /belongs to no farm yet[\s\S]*--farm-id/)
  t.regex((await join2(...imports, '--farm-id', 'x'.repeat(43))).stderr, /expected x+.*\[config-file\]/)
  const shown = await ok(join2(...imports, '--farm-id', farmId, '--dry-run'))
  t.regex(shown, /\+ publicUrl: "https:\/\/rec.example.org"[\s\S]*Nothing was changed/)
  await t.throwsAsync(readFile(join(second, 'node', 'node.json')), { code: 'ENOENT' })
  const said = await ok(join2(...imports, '--farm-id', farmId))
  t.notRegex(said, /of the database|PRIVATE KEY/)

  const [one, two] = await Promise.all(
    [home, second].map((each) => readNodeConfig(join(each, 'node', 'node.json'))),
  )
  t.like(two, { name: 'node-2', host: '0.0.0.0', stores: [store], publicUrl: one!.publicUrl, port: 443 })
  for (const key of ['farmKey', 'tlsKey', 'tlsCert'] as const)
    t.is(await readFile(two![key], 'utf8'), await readFile(one![key], 'utf8'))
  t.is((await stat(two!.farmKey)).mode & 0o777, 0o600)
  const password = join(second, 'node', 'catalog.password')
  t.true(two!.catalog.endsWith(`passwordFile=${encodeURIComponent(password)}`))
  t.is(await readFile(password, 'utf8'), 'of the database\n')
  t.regex(await ok(join2(...imports)), /This node is as node-1 was/)
})

test('a change goes to the other nodes, which show it and keep what they had', async (t) => {
  const { folder, config, file, farmId, first } = await farmNode(t)
  const second = commandOn(join(folder, 'second'))
  await ok(first('config-sync', 'export', file))
  await ok(second('config-sync', 'import', file, '--farm-id', farmId, '--name', 'node-2'))
  t.regex(await ok(first('config-sync', 'add-lb-host', '192.0.2.1')), /\+ balancers: \["192.0.2.1"\]/)
  t.regex(await ok(first('config-sync', 'add-lb-host', '192.0.2.1')), /already/)
  t.regex(
    (await first('config-sync', 'add-lb-host', 'lb.example.org')).stderr,
    /balancers\[1\]: expected an address/,
  )
  t.like(JSON.parse(await readFile(config, 'utf8')), {
    proxyPort: 8444,
    agentPort: 1801,
    balancers: ['192.0.2.1'],
  })
  // Whatever lies there: what holds the keys is for its owner alone.
  await chmod(file, 0o644)
  await ok(first('config-sync', 'export', file, '--force'))
  t.is((await stat(file)).mode & 0o777, 0o600)
  const said = await ok(second('config-sync', 'import', file))
  t.regex(said, /\+ agentCheckPort: 1802[\s\S]*\+ balancers: \["192.0.2.1"\]/)
  const [, backup] = /What was there lies in (\S+)\./.exec(said) ?? []
  t.false('balancers' in JSON.parse(await readFile(join(backup!, 'node.json'), 'utf8')))
  t.like(JSON.parse(await readFile(join(folder, 'second', 'node', 'node.json'), 'utf8')), {
    name: 'node-2',
    balancers: ['192.0.2.1'],
  })
})

const asRoot = process.getuid?.() === 0 ? test : test.skip

asRoot(
  'root changes a home as its owner, and writes nothing that its node.json names elsewhere',
  async (t) => {
    const { folder, store, file, farmId, first } = await farmNode(t)
    const home = join(folder, 'second')
    const second = commandOn(home)
    await ok(first('config-sync', 'export', file))
    await ok(second('config-sync', 'import', file, '--farm-id', farmId, '--name', 'node-2'))
    const owner = 65_534
    await chmod(folder, 0o755)
    await run('chown', ['-R', `${owner}:${owner}`, home, store])
    await ok(second('config-sync', 'add-lb-host', '192.0.2.1'))
    await ok(second('config-sync', 'import', file))
    const config = join(home, 'node', 'node.json')
    for (const path of [config, `${config}.bak`, join(home, 'before-import')])
      t.is((await stat(path)).uid, owner, path)

    // Root's folder, once by its name and once by a link.
    const secret = join(folder, 'secret')
    await mkdir(secret)
    await writeFile(join(secret, 'tls.key'), 'not theirs', { mode: 0o600 })
    const given = JSON.parse(await readFile(config, 'utf8'))
    const name = async (tlsKey: string) => {
      await writeFile(config, JSON.stringify({ ...given, tlsKey }))
      const { status, stderr } = await second('config-sync', 'import', file)
      t.is(status, 1)
      t.is((await stat(secret)).uid, 0)
      t.is(await readFile(join(secret, 'tls.key'), 'utf8'), 'not theirs')
      return stderr
    }
    t.regex(await name(join(secret, 'tls.key')), /outside of its home: .*tls\.key.*\[config-outside\]/)
    await symlink(secret, join(home, 'node', 'link'))
    await chown(config, owner, owner)
    t.regex(await name('link/tls.key'), /EACCES/)
  },
)

test('what is not of this farm, this version or this store is refused, and nothing is changed', async (t) => {
  const { folder, home, store, farmId, file, first } = await farmNode(t)
  const { text, bundle } = await exportConfig(home)
  const second = commandOn(join(folder, 'second'))
  const refused = async (content: string, said: RegExp) => {
    await writeFile(file, content)
    const { status, stderr } = await second('config-sync', 'import', file, '--farm-id', farmId)
    t.is(status, 1)
    t.regex(stderr, said)
    await t.throwsAsync(stat(join(folder, 'second')), { code: 'ENOENT' })
  }
  await refused(
    text.replace('rec.example.org', 'bad.example.org'),
    /changed after it was signed.*\[config-file\]/,
  )
  await refused(text.slice(0, text.indexOf('signature')), /no signature/)
  await refused('{}\nsignature: x\n', /cannot be read/)
  await refused(
    sealBundle({ ...bundle, product: '9.9.9' }),
    /version 9\.9\.9, this node is .*\[config-version\]/,
  )
  await refused(
    sealBundle({ ...bundle, config: { ...bundle.config, port: -1, odd: 1 } }),
    /odd: there is no such setting[\s\S]*port: expected/,
  )
  const elsewhere = join(folder, 'elsewhere')
  await createStore(elsewhere)
  await refused(
    sealBundle({ ...bundle, stores: { [elsewhere]: bundle.stores[store]! } }),
    /is the store .*\[store\]/,
  )
  await refused(
    sealBundle({ ...bundle, stores: { '/nonexistent': 'x' } }),
    /is no store here.*\[store\][\s\S]*Mount/,
  )

  // Others could not work with it.
  const alone = join(folder, 'alone')
  await mkdir(alone)
  await makeNodeHome({ home: alone, port: 443 })
  const { stderr } = await commandOn(alone)('config-sync', 'export', file, '--force')
  t.regex(stderr, /catalog is a file.*store .* lies in its own home.*\[config-local\]/)
  t.is((await first('config-sync', 'import', '/nonexistent')).status, 1)
})
