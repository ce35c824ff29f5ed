import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { generate } from 'selfsigned'
import { clockFinding } from '../../appliance/doctor/clock-finding.ts'
import { lbFindings } from '../../appliance/doctor/lb-findings.ts'
import { parseFarm } from '../../lb/parse-farm.ts'
import { renderHaproxy } from '../../lb/render-haproxy.ts'
import { examineStore } from '../../node/store/examine-store.ts'
import { createStore } from '../../node/store/store-identity.ts'
import { eventually } from '../helpers/eventually.ts'
import { temporaryFolder } from '../helpers/test-node.ts'
import { startUp } from '../helpers/up.ts'

interface Finding {
  level: string
  code: string
  text: string
  hint?: string
}

test('of what runs well all is well; each thing that is broken is found, with what to do', async (t) => {
  const up = await startUp()
  t.teardown(() => up.stop())
  const look = async () => JSON.parse((await up.tapedeck('doctor', '--json')).stdout.toString()) as Finding[]
  // How full this machine's disk is, is its own affair.
  const bad = async () =>
    (await look()).filter(({ level, text }) => level !== 'ok' && !text.includes(' are free'))
  // It answers once its agent does.
  await eventually(() => up.json('status'))
  const well = await look()
  t.deepEqual(
    well.filter(({ level, text }) => level !== 'ok' && !text.includes(' are free')),
    [],
  )
  const seen = new Set(well.map(({ code }) => code))
  for (const code of [
    'farm-key',
    'certificate',
    'store',
    'catalog',
    'node',
    'identity',
    'farm',
    'clock',
    'queue-disk',
    'uplink',
  ])
    t.true(seen.has(code), code)

  const node = join(up.home, 'node')
  const paths = {
    farmKey: join(up.home, 'farm', 'farm.key'),
    identity: join(node, 'recordings', '.tapedeck-store.json'),
    certificate: join(node, 'tls.crt'),
    config: join(node, 'node.json'),
    agentCa: join(up.home, 'agent', 'ca.crt'),
  }
  const [certificate, config] = await Promise.all([
    readFile(paths.certificate),
    readFile(paths.config, 'utf8'),
  ])
  const other = await generate([{ name: 'commonName', value: 'other' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
  })
  await chmod(paths.farmKey, 0o644)
  await rename(paths.identity, `${paths.identity}.away`)
  await writeFile(paths.certificate, other.cert)
  await writeFile(paths.config, config.replace('"host"', '"redis": "redis://127.0.0.1:1", "host"'))
  await rm(paths.agentCa)
  const findings = await bad()
  const expected: [Partial<Finding>, RegExp][] = [
    [{ code: 'farm-key', level: 'warn' }, /Others may read.*chmod 600/],
    [{ code: 'store', level: 'fail' }, /is no store.*Mount the share/],
    [{ code: 'certificate', level: 'fail' }, /is not its key/],
    [{ code: 'redis', level: 'fail' }, /ECONNREFUSED.*Start it/],
    [{ code: 'agent-config', level: 'fail' }, /ca.crt/],
  ]
  for (const [like, said] of expected) {
    const found = findings.find(({ code }) => code === like.code)
    t.like(found, like, JSON.stringify(findings))
    t.regex(`${found?.text} ${found?.hint}`, said)
  }
  await chmod(paths.farmKey, 0o600)
  await rename(`${paths.identity}.away`, paths.identity)
  await writeFile(paths.certificate, certificate)
  await writeFile(paths.agentCa, certificate)
  await writeFile(paths.config, config.replace('"host"', '"hosts"'))
  t.regex(JSON.stringify(await bad()), /hosts: there is no such setting.*Correct node.json/)
  await writeFile(paths.config, config)
  process.kill((await up.pids()).node!, 'SIGSTOP')
  const hung = await bad()
  process.kill((await up.pids()).node!, 'SIGCONT')
  t.regex(hung.find(({ code }) => code === 'node')?.text ?? '', /No node answers/)
  t.regex(hung.find(({ code }) => code === 'farm')?.text ?? '', /no answer within/)
})

test('a balancer without its certificate is told so, and looked at to the end', async (t) => {
  const folder = await temporaryFolder(t)
  const file = {
    name: 'ward',
    names: ['localhost'],
    nodes: [{ name: 'node-1', address: '127.0.0.1', proxyPort: 1, agentCheckPort: 1, plainPort: 1 }],
    balancers: [{ name: 'lb-1', address: '127.0.0.1' }],
    tls: { mode: 'ended', toNodes: 'plain', certificate: join(folder, 'none.pem') },
    runtimeSocket: join(folder, 'none.sock'),
  }
  const farm = parseFarm(file)
  const [farmFile, config] = [join(folder, 'farm.json'), join(folder, 'haproxy.cfg')]
  await writeFile(farmFile, JSON.stringify(file))
  await writeFile(config, renderHaproxy(farm, farm.balancers[0]!))
  const found = await lbFindings(farmFile, config)
  t.regex(found.find(({ code }) => code === 'certificate')?.text ?? '', /none\.pem cannot be used: ENOENT/)
  t.true(found.some(({ code }) => code === 'lb-node'))
})

test('a clock that is off is said by how much, and which way', (t) => {
  t.is(clockFinding('x', 400).level, 'ok')
  t.like(clockFinding('the farm', 5_000), {
    level: 'warn',
    text: 'This clock is 5 s behind that of the farm.',
  })
  t.like(clockFinding('the farm', -7_200_000), {
    level: 'fail',
    text: 'This clock is 02:00:00 ahead of that of the farm.',
  })
})

test('a folder that is another farm’s is found out, and looking leaves nothing behind', async (t) => {
  const folder = join(await temporaryFolder(t), 'store')
  t.like(await examineStore(folder, 'f'), [{ level: 'fail', found: 'is not there' }])
  await createStore(folder, 'other')
  const [first, ...rest] = await examineStore(folder, 'own')
  t.like(first, { level: 'fail', found: 'is a store of the farm other' })
  t.true(rest.every(({ level }) => level !== 'fail'))
  const own = await examineStore(folder, 'other')
  t.is(own[0]!.level, 'ok')
  // Nor does it look well where nothing can be written.
  const [missing] = await examineStore('/proc/self', 'own')
  t.like(missing, { level: 'fail', found: 'is no store: its identity file is missing' })
})
