import { networkInterfaces } from 'node:os'
import test from 'ava'
import { until } from '../helpers/test-node.ts'
import { lacks } from './programs.ts'
import { startTestFarm } from './test-farm.ts'

const stickyS = 3
const hasSix = Object.values(networkInterfaces()).some((found) =>
  found?.some(({ address }) => address === '::1'),
)

test('a source stays on its node: over reconnects, on both ports, over IPv4 and IPv6, also at the other balancer', async (t) => {
  if (await lacks(t, 'haproxy')) return
  // An agent that has nothing to say answers a ping; here twice a second.
  const farm = await startTestFarm(t, {
    ...{ nodes: 3, balancers: 2, six: hasSix, times: { stickyS } },
    node: { limits: { heartbeatMs: 500 } },
  })
  const [one, two] = farm.balancers
  const { agents } = farm.farm.ports

  await until(async () => (await one!.status()).peers[0]!.connected)

  // New sources take turns: among equals the fewest connections.
  const held = [farm.client(), farm.client(), farm.client()]
  const first: Awaited<ReturnType<typeof farm.agent>>[] = []
  for (const from of held) first.push(await farm.agent({ from }))
  t.deepEqual(new Set(first.map(({ node }) => node)), new Set(['node-1', 'node-2', 'node-3']))

  const from = held[0]!
  const { node } = first[0]!
  for (let i = 0; i < 4; i++) {
    const again = await farm.agent({ from, ...(i % 2 === 0 && { port: agents }) })
    t.is(again.node, node)
    await again.agent.close()
  }

  if (hasSix) {
    const six = await farm.agent({ to: '::1', from: '::1' })
    t.is(await one!.nodeOf('::1'), six.node)
    await six.agent.close()
    for (let i = 0; i < 4; i++) {
      const again = await farm.agent({ to: '::1', from: '::1', port: agents })
      t.is(again.node, six.node)
      await again.agent.close()
    }
  } else t.log('Passed over: no IPv6 here.')

  // What is gone longer than the table remembers is forgotten, on both.
  const gone = farm.client()
  const visitor = await farm.agent({ from: gone })
  await visitor.agent.close()
  for (const balancer of [one, two]) await until(async () => (await balancer!.nodeOf(gone)) === undefined)
  // Longer than that a connection that lives keeps its own, on both.
  for (const balancer of [one, two])
    for (const [i, source] of held.entries()) t.is(await balancer!.nodeOf(source), first[i]!.node)

  await one!.kill()
  await until(() => first.every(({ agent }) => agent.closed !== undefined))
  for (const [i, source] of held.entries())
    t.is((await farm.agent({ from: source, to: two!.address })).node, first[i]!.node)
  await until(async () => !(await two!.status()).peers[0]!.connected)
})
