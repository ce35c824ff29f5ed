import fc from 'fast-check'
import type { Farm } from '../../lb/farm.ts'
import { parseFarm } from '../../lb/parse-farm.ts'

// Farm files of every shape that is allowed.

const name = fc.stringMatching(/^[a-z0-9][a-z0-9_.-]{0,20}$/)
const hostName = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z]{2,5}){1,3}$/)
const path = fc.stringMatching(/^(\/[a-zA-Z0-9_+-]{1,12}){1,4}$/)
const port = fc.integer({ min: 1, max: 65_535 })

const tls = fc.oneof(
  fc.constant({ mode: 'passed' }),
  fc.record({ mode: fc.constant('ended'), toNodes: fc.constant('plain'), certificate: path }),
  fc.record({
    mode: fc.constant('ended'),
    toNodes: fc.constant('encrypted'),
    certificate: path,
    authority: path,
  }),
)

function farmOf(address: fc.Arbitrary<string>, family: 4 | 6): fc.Arbitrary<Farm> {
  const addresses = fc.uniqueArray(address, { minLength: 12, maxLength: 12 })
  return fc
    .record({
      name,
      names: fc.uniqueArray(hostName, { minLength: 1, maxLength: 4 }),
      nodeNames: fc.uniqueArray(name, { minLength: 1, maxLength: 6 }),
      balancerNames: fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
      addresses,
      tls,
      ports: fc.uniqueArray(port, { minLength: 5, maxLength: 5 }),
      nodePort: port,
      stickyS: fc.integer({ min: 1, max: 86_400 }),
      socket: path,
      account: fc.oneof(fc.constant(null), fc.record({ user: name, group: name, chroot: path })),
      routerId: fc.integer({ min: 1, max: 255 }),
    })
    .map((drawn) => {
      const [http, https, agents, peers, stats] = drawn.ports
      const floats = drawn.balancerNames.length > 1
      return parseFarm({
        name: drawn.name,
        names: drawn.names,
        nodes: drawn.nodeNames.map((each, i) => ({
          name: each,
          address: i === 5 ? 'node.example.org' : drawn.addresses[i],
          proxyPort: drawn.nodePort,
        })),
        balancers: drawn.balancerNames.map((each, i) => ({ name: each, address: drawn.addresses[6 + i] })),
        tls: drawn.tls,
        ports: { http, https, agents, peers, stats },
        times: { stickyS: drawn.stickyS },
        runtimeSocket: drawn.socket,
        account: drawn.account,
        ...(floats && {
          floating: {
            address: `${drawn.addresses[11]}/${family === 4 ? 24 : 64}`,
            interface: 'eth0',
            routerId: drawn.routerId,
          },
        }),
      })
    })
}

export const arbitraryFarm: fc.Arbitrary<Farm> = fc.oneof(farmOf(fc.ipV4(), 4), farmOf(fc.ipV6(), 6))
