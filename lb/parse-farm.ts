import type { Farm } from './farm.ts'
import { Reader } from './farm-reader.ts'
import {
  addressForm,
  hostForm,
  hostNameForm,
  interfaceForm,
  nameForm,
  pathForm,
  prefixedForm,
} from './forms.ts'

/** Each node is one more rule for every connection. */
const nodesMax = 100
/** Each tells every other what it knows. */
const balancersMax = 4
const namesMax = 20

/** Checks the parsed content of a farm file. Throws FarmError with all problems. */
export function parseFarm(value: unknown): Farm {
  const file = new Reader(value)
  const farm: Farm = {
    name: file.text('name', nameForm),
    names: file.texts('names', 1, namesMax, hostForm),
    nodes: file.list('nodes', 1, nodesMax, (node) => ({
      name: node.text('name', nameForm),
      address: node.text('address', hostForm),
      proxyPort: node.number('proxyPort', 1, 65_535, 8444),
      httpsPort: node.number('httpsPort', 1, 65_535, 443),
      plainPort: node.number('plainPort', 1, 65_535, 8080),
      agentCheckPort: node.number('agentCheckPort', 1, 65_535, 1802),
    })),
    balancers: file.list('balancers', 1, balancersMax, (balancer) => ({
      name: balancer.text('name', nameForm),
      address: balancer.text('address', addressForm),
      listen: balancer.texts('listen', 1, 8, addressForm, ['0.0.0.0', '::']),
    })),
    tls: file.inside('tls', parseTls),
    ports: file.inside('ports', (ports) => ({
      http: ports.number('http', 1, 65_535, 80),
      https: ports.number('https', 1, 65_535, 443),
      agents: ports.number('agents', 1, 65_535, 1801),
      peers: ports.number('peers', 1, 65_535, 10_000),
      stats: ports.number('stats', 1, 65_535, 8404),
    })),
    times: file.inside('times', (times) => ({
      stickyS: times.number('stickyS', 1, 86_400, 120),
      checkS: times.number('checkS', 1, 60, 5),
      slowStartS: times.number('slowStartS', 0, 3600, 30),
      silenceS: times.number('silenceS', 60, 86_400, 3600),
      hardStopS: times.number('hardStopS', 1, 86_400, 600),
    })),
    limits: file.inside('limits', (limits) => ({
      connectionsMax: limits.number('connectionsMax', 100, 1_000_000, 8_000),
      sourcesMax: limits.number('sourcesMax', 100, 10_000_000, 200_000),
    })),
    runtimeSocket: file.text('runtimeSocket', pathForm, '/run/haproxy/tapedeck.sock'),
  }
  const floating = file.optional('floating', (part) => ({
    address: part.text('address', prefixedForm),
    interface: part.text('interface', interfaceForm),
    routerId: part.number('routerId', 1, 255),
    pidFile: part.text('pidFile', pathForm, '/run/haproxy.pid'),
  }))
  if (floating) farm.floating = floating
  const account = file.optional(
    'account',
    (part) => ({
      user: part.text('user', nameForm, 'haproxy'),
      group: part.text('group', nameForm, 'haproxy'),
      chroot: part.text('chroot', pathForm, '/var/lib/haproxy'),
    }),
    {},
  )
  if (account) farm.account = account
  file.finish((wrong) => checkTogether(farm, wrong))
  return farm
}

function parseTls(tls: Reader): Farm['tls'] {
  const mode = tls.choice('mode', ['passed', 'ended'], 'passed')
  if (mode === 'passed') return { mode }
  const toNodes = tls.choice('toNodes', ['encrypted', 'plain'])
  const certificate = tls.text('certificate', pathForm)
  if (toNodes === 'plain') return { mode, certificate, toNodes }
  return { mode, certificate, toNodes, authority: tls.text('authority', pathForm) }
}

// What each part alone cannot show.
function checkTogether(farm: Farm, wrong: (path: string, text: string) => void): void {
  const twice = (path: string, texts: (string | number)[]) => {
    for (const [i, text] of texts.entries())
      if (texts.indexOf(text) < i) wrong(path.replace('[]', `[${i}]`), `${text} is there twice`)
  }
  twice('names[]', farm.names)
  const { nodes, balancers, floating, ports } = farm
  twice(
    'nodes[].name',
    nodes.map(({ name }) => name.toLowerCase()),
  )
  for (const port of ['proxyPort', 'httpsPort', 'plainPort', 'agentCheckPort'] as const)
    twice(
      `nodes[].${port}`,
      nodes.map((node) => `${node.address.toLowerCase()} port ${node[port]}`),
    )
  twice(
    'balancers[].name',
    balancers.map(({ name }) => name.toLowerCase()),
  )
  twice(
    'balancers[].address',
    balancers.map(({ address }) => address),
  )
  twice('ports', Object.values(ports))

  const family = (address: string) => (address.includes(':') ? 'IPv6' : 'IPv4')
  const ours = family(balancers[0]?.address ?? '')
  for (const [i, { address }] of balancers.entries())
    if (family(address) !== ours) wrong(`balancers[${i}].address`, `expected ${ours}, as balancers[0] has`)
  for (const [i, { address }] of nodes.entries())
    if (addressForm.holds(address) && family(address) !== ours)
      wrong(`nodes[${i}].address`, `expected ${ours}: nodes know the balancers by addresses of that family`)
  if (farm.tls.mode === 'ended' && farm.tls.toNodes === 'encrypted' && !farm.names.some(hostNameForm.holds))
    wrong(
      'names',
      'expected a host name among them: the balancer looks for it in the certificate of the nodes',
    )
  if (!floating) return
  if (family(floating.address) !== ours) wrong('floating.address', `expected ${ours}, as the balancers have`)
  if ([...balancers, ...nodes].some(({ address }) => address === floating.address.split('/')[0]))
    wrong('floating.address', 'is the own address of a balancer or node')
  if (balancers.length < 2) wrong('floating', 'needs two balancers')
}
