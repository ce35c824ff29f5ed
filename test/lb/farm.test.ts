import test from 'ava'
import { FarmError } from '../../lb/farm-reader.ts'
import { parseFarm } from '../../lb/parse-farm.ts'

const base = {
  name: 'ward',
  names: ['rec.example.org'],
  nodes: [{ name: 'node-1', address: '192.0.2.11' }],
  balancers: [{ name: 'lb-1', address: '192.0.2.1' }],
}
const two = { ...base, balancers: [...base.balancers, { name: 'lb-2', address: '192.0.2.2' }] }

function problems(value: unknown): { path: string; text: string }[] {
  try {
    parseFarm(value)
    return []
  } catch (error) {
    if (error instanceof FarmError) return [...error.problems]
    throw error
  }
}
const paths = (value: unknown) => problems(value).map(({ path }) => path)

test('the smallest farm says who its nodes and balancers are; the rest has defaults', (t) => {
  const farm = parseFarm(base)
  t.deepEqual(farm.tls, { mode: 'passed' })
  t.deepEqual(farm.ports, { http: 80, https: 443, agents: 1801, peers: 10_000, stats: 8404 })
  t.is(farm.times.stickyS, 120)
  t.is(farm.times.checkS, 5)
  t.deepEqual(farm.balancers[0]!.listen, ['0.0.0.0', '::'])
  t.deepEqual(farm.account, { user: 'haproxy', group: 'haproxy', chroot: '/var/lib/haproxy' })
  t.is(parseFarm({ ...base, account: null }).account, undefined)
})

test('everything that is wrong is told at once, with its place', (t) => {
  t.deepEqual(
    paths({
      name: '',
      names: [],
      nodes: [{ name: 'a b', address: 'under_score', proxyPort: 0, extra: 1 }, 7],
      balancers: [{ name: 'lb-1', address: 'lb-1.example.org' }],
      ports: { https: 'x' },
      times: { stickyS: 0 },
      tls: { mode: 'ended', toNodes: 'both' },
      surprise: true,
    }),
    [
      'name',
      'names',
      'nodes[0].name',
      'nodes[0].address',
      'nodes[0].proxyPort',
      'nodes[0].extra',
      'nodes[1]',
      'nodes[1].name',
      'nodes[1].address',
      'balancers[0].address',
      'tls.toNodes',
      'tls.certificate',
      'tls.authority',
      'ports.https',
      'times.stickyS',
      'surprise',
    ],
  )
  t.deepEqual(paths([]).slice(0, 1), ['(file)'])
  t.deepEqual(paths(null).slice(0, 1), ['(file)'])
})

const hostile = [
  'node-1 disabled',
  'node-1\n    server evil 203.0.113.1:443',
  'node-1\r',
  'node-1\u2028x',
  'node-1#',
  "node-1'",
  'node-1"',
  'node-1\\',
  '$HOME',
  `\${HOME}`,
  '%[env(HOME)]',
  '{ nope }',
  '-dash',
  '',
  'x'.repeat(51),
  'nöde',
  'node\u0000',
  '../../etc',
]

test('no text in a farm file can bring a word, a line or a variable into a configuration', (t) => {
  const places: [string, (text: string) => object][] = [
    ['name', (text) => ({ ...base, name: text })],
    ['names[0]', (text) => ({ ...base, names: [text] })],
    ['nodes[0].name', (text) => ({ ...base, nodes: [{ ...base.nodes[0], name: text }] })],
    ['nodes[0].address', (text) => ({ ...base, nodes: [{ ...base.nodes[0], address: text }] })],
    ['balancers[0].name', (text) => ({ ...base, balancers: [{ ...base.balancers[0], name: text }] })],
    ['balancers[0].address', (text) => ({ ...base, balancers: [{ ...base.balancers[0], address: text }] })],
    [
      'balancers[0].listen[0]',
      (text) => ({ ...base, balancers: [{ ...base.balancers[0], listen: [text] }] }),
    ],
    ['runtimeSocket', (text) => ({ ...base, runtimeSocket: `/run/${text}` })],
    ['account.user', (text) => ({ ...base, account: { user: text } })],
    ['account.chroot', (text) => ({ ...base, account: { chroot: `/${text}` } })],
    [
      'floating.interface',
      (text) => ({ ...two, floating: { address: '192.0.2.9/24', routerId: 1, interface: text } }),
    ],
    ['floating.address', (text) => ({ ...two, floating: { address: text, routerId: 1, interface: 'eth0' } })],
    ['tls.certificate', (text) => ({ ...base, tls: { mode: 'ended', toNodes: 'plain', certificate: text } })],
  ]
  const fine: Record<string, string[]> = {
    // A path may begin a name with a dash and be long.
    runtimeSocket: ['-dash', 'x'.repeat(51)],
    'account.chroot': ['-dash', 'x'.repeat(51)],
    'names[0]': ['x'.repeat(51)],
    'nodes[0].address': ['x'.repeat(51)],
  }
  for (const [path, withText] of places)
    for (const text of hostile.filter((each) => !fine[path]?.includes(each)))
      t.deepEqual(paths(withText(text)), [path], `${path} ${JSON.stringify(text)}`)
})

test('an address with a zone, whose text may be anything, is none', (t) => {
  t.deepEqual(paths({ ...base, nodes: [{ name: 'n', address: 'fe80::1%eth0 check' }] }), ['nodes[0].address'])
})

test('what only shows together: duplicates, families, ports, the floating address', (t) => {
  const nodes = [...base.nodes, { name: 'NODE-1', address: '192.0.2.11' }]
  t.deepEqual(paths({ ...base, nodes }), [
    'nodes[1].name',
    'nodes[1].proxyPort',
    'nodes[1].httpsPort',
    'nodes[1].plainPort',
    'nodes[1].agentCheckPort',
  ])
  t.deepEqual(paths({ ...base, names: ['a.example', 'a.example'] }), ['names[1]'])
  t.deepEqual(paths({ ...base, balancers: [...base.balancers, ...base.balancers] }), [
    'balancers[1].name',
    'balancers[1].address',
  ])
  t.deepEqual(paths({ ...base, ports: { https: 80 } }), ['ports'])
  t.deepEqual(paths({ ...base, nodes: [{ name: 'n', address: '2001:db8::1' }] }), ['nodes[0].address'])
  const floating = { address: '192.0.2.9/24', interface: 'eth0', routerId: 51 }
  t.deepEqual(paths({ ...two, floating }), [])
  t.deepEqual(paths({ ...base, floating }), ['floating'])
  t.deepEqual(paths({ ...two, floating: { ...floating, address: '192.0.2.1/24' } }), ['floating.address'])
  t.deepEqual(paths({ ...two, floating: { ...floating, address: '2001:db8::9/64' } }), ['floating.address'])
  t.deepEqual(paths({ ...two, floating: { ...floating, address: '192.0.2.9/33' } }), ['floating.address'])
  const tls = { mode: 'ended', toNodes: 'encrypted', certificate: '/c.pem', authority: '/ca.pem' }
  t.deepEqual(paths({ ...base, tls }), [])
  t.deepEqual(paths({ ...base, tls, names: ['192.0.2.9'] }), ['names'])
})
