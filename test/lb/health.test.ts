import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { until } from '../helpers/test-node.ts'
import { run } from '../helpers/up.ts'
import { lacks } from './programs.ts'
import { startTestFarm } from './test-farm.ts'

const stateOf = async (farm: Awaited<ReturnType<typeof startTestFarm>>, node: string) =>
  (await farm.balancers[0]!.status()).nodes.find((each) => each.node === node)!.state

test('a node whose store is gone is out after two looks, its connections are reset, and it comes back', async (t) => {
  if (await lacks(t, 'haproxy')) return
  const farm = await startTestFarm(t)
  const from = farm.client()
  const { agent, node } = await farm.agent({ from })
  const { config } = farm.nodes.find(({ name }) => name === node)!
  const identity = join(config.stores[0]!, '.tapedeck-store.json')
  await rename(identity, `${identity}.away`)
  await until(() => agent.closed !== undefined)
  t.is(agent.closed!.code, 1006, 'reset, not said goodbye to')
  t.is(await stateOf(farm, node), 'down')
  t.regex(
    farm.balancers[0]!.log(),
    new RegExp(`Server nodes/${node} is DOWN, reason: Layer7 wrong status, code: 503`),
  )
  // It still runs, and says so to whoever asks it that.
  t.is(
    (
      await farm.ask('/healthz', {
        to: config.host,
        port: farm.nodes.find(({ name }) => name === node)!.running.port,
      })
    ).status,
    200,
  )

  const other = await farm.agent({ from })
  t.not(other.node, node)
  await rename(`${identity}.away`, identity)
  await until(async () => (await stateOf(farm, node)) === 'up')
  // Its sources are the other's now.
  t.is((await farm.agent({ from })).node, other.node)
})

test('a node that closes is left for another at once, before any look at its health', async (t) => {
  if (await lacks(t, 'haproxy')) return
  const farm = await startTestFarm(t, { times: { checkS: 60 } })
  const from = farm.client()
  const { node } = await farm.agent({ from })
  await farm.nodes.find(({ name }) => name === node)!.running.close()
  t.is(await stateOf(farm, node), 'up')
  const other = await farm.agent({ from })
  t.not(other.node, node)
  t.is(await farm.balancers[0]!.nodeOf(from), other.node)
})

test('a drained node keeps its connections and gets no new ones, not even from its own sources', async (t) => {
  if (await lacks(t, 'haproxy')) return
  const farm = await startTestFarm(t, { tls: 'plain' })
  const [balancer] = farm.balancers
  const tapedeck = async (...args: string[]) => {
    const ran = await run('./tapedeck', ['lb', ...args, '--json', '--config', balancer!.config])
    return { ...ran, json: ran.status === 0 ? JSON.parse(ran.stdout.toString()) : undefined }
  }
  const from = farm.client()
  const { agent, node } = await farm.agent({ from })
  const drained = await tapedeck('drain', node)
  t.deepEqual(drained.json, { node, connections: 1 })
  const { nodes } = (await tapedeck('status')).json
  t.deepEqual(
    nodes
      .filter((each: { node: string }) => each.node === node)
      .map(({ state, backend }: { state: string; backend: string }) => [backend, state]),
    [
      ['nodes', 'draining'],
      ['pages', 'draining'],
    ],
  )
  // The node goes on telling its load, and is not listened to.
  await until(async () => (await balancer!.status()).nodes.every(({ check }) => check === 'L7OK 200'))
  const { port } = { port: farm.farm.ports.agents }
  for (let i = 0; i < 4; i++) t.not((await farm.agent({ from, ...(i % 2 && { port }) })).node, node)
  for (let i = 0; i < 4; i++) t.not((await farm.agent({ from: farm.client() })).node, node)
  t.is(agent.closed, undefined)
  t.is(agent.socket.readyState, agent.socket.OPEN)

  t.is((await tapedeck('ready', node)).status, 0)
  t.is(await stateOf(farm, node), 'up')
  const back = new Set<string>()
  for (let i = 0; i < 4; i++) back.add((await farm.agent({ from: farm.client() })).node)
  t.true(back.has(node))

  const unknown = await tapedeck('drain', 'node-9')
  t.is(unknown.status, 1)
  t.regex(unknown.stderr, /no node node-9 [\s\S]*node-1, node-2/)
})

test('a check proves the way to each node and its certificate, or says what to do', async (t) => {
  if (await lacks(t, 'haproxy')) return
  const farm = await startTestFarm(t, { tls: 'encrypted' })
  const { writeFile } = await import('node:fs/promises')
  const path = join(farm.folder, 'farm.json')
  const check = async (file: object) => {
    await writeFile(path, JSON.stringify(file))
    const ran = await run('./tapedeck', ['lb', 'check', '--farm', path])
    return { status: ran.status, said: `${ran.stdout}${ran.stderr}` }
  }
  const file = farm.file('lb-1')
  const well = await check(file)
  t.is(well.status, 0, well.said)
  t.is(well.said.match(/^ok {3}/gm)?.length, 10, well.said)
  t.regex(well.said, /node-1 port \d+ of the balancer leads to agents alone/)
  t.regex(well.said, /node-2 port \d+ is ready, and its certificate names the farm/)
  t.regex(well.said, /node-2 port \d+ takes 100% of its share/)

  const named = await check({ ...file, names: ['localhost', 'rec.example.org'] })
  t.is(named.status, 1)
  t.regex(named.said, /BAD {2}.*balancer\.pem its certificate does not name rec\.example\.org/)
  t.regex(named.said, /BAD {2}node-1 port \d+ its certificate does not name rec\.example\.org/)

  const otherPort = await check({ ...file, ports: { ...farm.farm.ports, agents: 18_010 } })
  t.regex(otherPort.said, /BAD {2}node-1 port 18010 .* leads to pages and API too .*"agentPort": 18010/)

  await farm.nodes[0]!.running.close()
  const away = await check(file)
  t.is(away.status, 1)
  t.regex(away.said, /BAD {2}node-1 port \d+ .*ECONNREFUSED.*Does the node run/)

  // A balancer that the nodes do not know.
  const stranger = await check({ ...file, balancers: [{ name: 'lb-1', address: '127.0.0.1' }] })
  t.regex(stranger.said, /BAD {2}node-2 port .*is 127\.0\.0\.1 in its `balancers`/)
  const elsewhere = await check({ ...file, balancers: [{ name: 'lb-1', address: '192.0.2.77' }] })
  t.regex(elsewhere.said, /192\.0\.2\.77 is not an address of this machine/)
})
