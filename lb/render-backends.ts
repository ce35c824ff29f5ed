import type { Directive, Section } from './config-text.ts'
import type { Balancer, EndedTls, Farm, FarmNode } from './farm.ts'
import { hostNameForm } from './forms.ts'
import { at, bracketed } from './render-address.ts'

/** The nodes: as they take passed TLS, and as they take HTTP where TLS ends here. */
export function backends(farm: Farm, balancer: Balancer): Section[] {
  const { tls } = farm
  return tls.mode === 'passed' ? [nodes(farm, balancer)] : [nodes(farm, balancer), pages(farm, tls, balancer)]
}

function nodes(farm: Farm, balancer: Balancer): Section {
  const { limits, times } = farm
  return {
    words: ['backend', 'nodes'],
    reason: 'The nodes, for TLS that is passed through.',
    directives: [
      {
        words: [
          ...['stick-table', 'type', 'ipv6', 'size', `${limits.sourcesMax}`, 'expire', `${times.stickyS}s`],
          ...['peers', 'balancers', 'store', 'bytes_in_cnt'],
        ],
        reason:
          'Which source belongs to which node. `type ipv6` holds IPv4 too; `type ip` would not stick IPv6 at all. The\nbytes are what renews an entry, see `option contstats`.',
      },
      ...choice(farm, 'nodes'),
      ...health(farm, balancer),
      {
        words: ['default-server', 'check-ssl', 'verify', 'none'],
        reason: 'The look comes by the same way as data. Who the node is, clients check themselves.',
      },
      {
        words: ['default-server', 'send-proxy-v2'],
        reason: 'Tells the node the true client. It takes that from the addresses in its `balancers` alone.',
      },
      ...servers(farm, ({ proxyPort }) => proxyPort),
    ],
  }
}

function pages(farm: Farm, tls: EndedTls, balancer: Balancer): Section {
  const encrypted: Directive[] =
    tls.toNodes === 'plain'
      ? []
      : [
          {
            words: ['default-server', 'ssl', 'verify', 'required', 'ca-file', tls.authority!],
            reason: 'Encrypted again, to a node that proves to be one of this farm.',
          },
          {
            words: ['default-server', 'verifyhost', farm.names.find(hostNameForm.holds)!],
            reason: 'One certificate names the farm and all its nodes.',
          },
        ]
  return {
    words: ['backend', 'pages'],
    reason: 'The same nodes, for HTTP.',
    directives: [
      { words: ['mode', 'http'], reason: 'TLS ended in front of it.' },
      {
        words: ['timeout', 'server', `${farm.times.silenceS}s`],
        reason: 'A proof of a long recording says nothing until its end.',
      },
      ...choice(farm, 'pages'),
      ...health(farm, balancer),
      ...encrypted,
      ...servers(farm, (node) => (tls.toNodes === 'plain' ? node.plainPort : node.httpsPort)),
    ],
  }
}

/** How a connection finds its node. */
function choice(farm: Farm, backend: string): Directive[] {
  return [
    ...farm.nodes.map(({ name }, i) => ({
      words: [
        ...['stick', 'match', 'src', 'table', 'nodes', 'if'],
        ...['{', `src,table_server_id(nodes)`, 'eq', `${i + 1}`, '}'],
        ...['{', `srv_uweight(${backend}/${name})`, 'gt', '0', '}'],
      ],
      reason:
        i > 0
          ? ''
          : 'A source goes to the node it was on, also from the other port. Not to one that `tapedeck lb drain` gave\nweight 0: HAProxy’s own drain state would keep its sources for ever.',
    })),
    {
      words: ['stick', 'store-request', 'src', 'table', 'nodes'],
      reason: 'Where it went is where it belongs.',
    },
    {
      words: ['balance', 'leastconn'],
      reason:
        'A new source goes to the node with the fewest connections for its weight, and the weight falls with the bytes a\nsecond that the node takes in. Equals take turns.',
    },
    {
      words: ['default-server', 'weight', '100', 'agent-check', 'agent-inter', `${farm.times.checkS}s`],
      reason: 'The node itself says how many per cent of this it takes.',
    },
    {
      words: ['option', 'redispatch', '1'],
      reason:
        'A node that refuses a connection is left for another at once, not after the next look at its health.',
    },
    { words: ['retries', '3'], reason: 'So many nodes may be away at once.' },
  ]
}

/** When a node counts as there. */
function health(farm: Farm, balancer: Balancer): Directive[] {
  const { checkS, slowStartS } = farm.times
  return [
    {
      words: ['source', bracketed(balancer.address)],
      reason: 'Nodes know this balancer by it; the floating address is not always here.',
    },
    {
      words: ['option', 'httpchk'],
      reason: 'An open port is no proof that a node works: it must answer.',
    },
    {
      words: [
        'http-check',
        'send',
        'meth',
        'GET',
        'uri',
        '/readyz',
        'ver',
        'HTTP/1.1',
        'hdr',
        'Host',
        farm.names[0]!,
      ],
      reason: 'Well is who can use its store and its catalog: /readyz does. /healthz only says that it runs.',
    },
    { words: ['http-check', 'expect', 'status', '200'], reason: '' },
    {
      words: ['default-server', 'check', 'inter', `${checkS}s`, 'fall', '2', 'rise', '2'],
      reason: 'One failure is an accident, two are a node that is out.',
    },
    {
      words: ['default-server', 'on-marked-down', 'shutdown-sessions'],
      reason:
        'Its connections are reset: agents go on at another node and send again what was not acknowledged.',
    },
    {
      words: ['default-server', 'slowstart', `${slowStartS}s`],
      reason: 'A node that is back gets its share little by little, not every new agent at once.',
    },
  ]
}

function servers(farm: Farm, portOf: (node: FarmNode) => number): Directive[] {
  return farm.nodes.map((node, i) => ({
    words: [
      ...['server', node.name, at(node.address, portOf(node))],
      ...['id', `${i + 1}`, 'agent-port', `${node.agentCheckPort}`],
    ],
    reason: i > 0 ? '' : 'The id is what the table keeps.',
  }))
}
