import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { applyFarm } from '../../lb/apply.ts'
import { readInstalled } from '../../lb/installed.ts'
import { parseProcesses, showProcesses } from '../../lb/master.ts'
import { parseFarm } from '../../lb/parse-farm.ts'
import { drainNode } from '../../lb/runtime.ts'
import { until } from '../helpers/test-node.ts'
import { run } from '../helpers/up.ts'
import { lacks } from './programs.ts'
import { startTestFarm, type TestFarm } from './test-farm.ts'

/** What the operator changes, and how the balancer is brought to it. */
function applyTo(farm: TestFarm, changed: object, options: object = {}) {
  const [{ config, masterSocket }] = farm.balancers as [TestFarm['balancers'][0]]
  const next = parseFarm({ ...farm.file('lb-1'), ...changed })
  return applyFarm({ farm: next, balancer: next.balancers[0]!, config, masterSocket, ...options })
}

test('a reload refuses nobody; what is open goes on until the hard stop; drained stays drained', async (t) => {
  if (await lacks(t, 'haproxy')) return
  const times = { checkS: 1, slowStartS: 0, hardStopS: 5 }
  const farm = await startTestFarm(t, { nodes: 3, times })
  const [balancer] = farm.balancers
  const { agent, node } = await farm.agent({ from: farm.client() })
  await drainNode(await readInstalled(balancer!.config), node)

  // Somebody connects all the time, while it reloads.
  let done = false
  let answered = 0
  const knocking = (async () => {
    while (!done) {
      t.is((await farm.ask('/healthz', { from: farm.client() })).status, 200)
      answered += 1
    }
  })()
  const applied = await applyTo(farm, { times: { ...times, silenceS: 3601 } })
  done = true
  await knocking
  t.true(applied.reloaded)
  t.deepEqual(applied.drained, [node])
  t.deepEqual(applied.changes, ['- defaults: timeout tunnel 3600s', '+ defaults: timeout tunnel 3601s'])
  t.true(answered > 10, String(answered))
  t.is(agent.closed, undefined)
  const processes = await showProcesses(balancer!.masterSocket)
  t.is(processes.reloads, 1)
  t.is(processes.old.length, 1, 'the one with the agent')
  t.not((await farm.agent({ from: farm.client() })).node, node)

  await once(agent.socket, 'close')
  await until(async () => (await showProcesses(balancer!.masterSocket)).old.length === 0)
})

test('a table outlives a reload: sources stay with their nodes', async (t) => {
  if (await lacks(t, 'haproxy')) return
  const farm = await startTestFarm(t, { nodes: 3 })
  const sources = [farm.client(), farm.client(), farm.client()]
  const nodes: string[] = []
  for (const from of sources) nodes.push((await farm.agent({ from })).node)
  t.true(
    (await applyTo(farm, { names: ['localhost', 'rec.example.org'], limits: { connectionsMax: 7000 } }))
      .reloaded,
  )
  await until(async () => (await farm.balancers[0]!.nodeOf(sources[2]!)) !== undefined)
  for (const [i, from] of sources.entries()) t.is((await farm.agent({ from })).node, nodes[i]!)
})

test('what HAProxy refuses changes nothing; what it cannot start is rolled back, and connections live on', async (t) => {
  if (await lacks(t, 'haproxy')) return
  const farm = await startTestFarm(t)
  const [balancer] = farm.balancers
  const before = await readFile(balancer!.config, 'utf8')
  const { agent, node } = await farm.agent({ from: farm.client() })
  const pidOf = async () => (await showProcesses(balancer!.masterSocket)).worker!.pid
  const pid = await pidOf()
  const unchanged = async () => {
    t.is(await readFile(balancer!.config, 'utf8'), before)
    t.is(agent.closed, undefined)
    t.is((await farm.ask('/healthz')).status, 200)
  }

  const tls = { mode: 'ended', toNodes: 'plain', certificate: join(farm.folder, 'none.pem') }
  await t.throwsAsync(applyTo(farm, { tls }), { code: 'lb-refused', message: /none\.pem/ })
  await unchanged()
  t.is(await pidOf(), pid)

  // Its own check does not try to bind.
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, balancer!.address, resolve))
  t.teardown(() => taken.close())
  const http = (taken.address() as { port: number }).port
  await drainNode(await readInstalled(balancer!.config), node)
  await t.throwsAsync(applyTo(farm, { ports: { ...farm.farm.ports, http } }), {
    code: 'lb-rolled-back',
    message: /the old process was kept/,
  })
  await unchanged()
  // The old file is in force, not only on disk.
  const processes = await showProcesses(balancer!.masterSocket)
  t.is(processes.failed, 0)
  t.true(processes.worker!.isNewest)
  t.not((await farm.agent({ from: farm.client() })).node, node)
  t.not((await farm.agent({ from: farm.client() })).node, node)
})

test('nothing is written when there is no HAProxy to tell, and nothing done when all is as it should be', async (t) => {
  if (await lacks(t, 'haproxy')) return
  const farm = await startTestFarm(t)
  const [balancer] = farm.balancers
  const before = await readFile(balancer!.config, 'utf8')
  const limits = { connectionsMax: 7000 }
  const masterSocket = join(farm.folder, 'none.sock')
  await t.throwsAsync(applyTo(farm, { limits }, { masterSocket }), { code: 'lb-unreachable' })
  t.is(await readFile(balancer!.config, 'utf8'), before)
  // The worker's socket is not the master's.
  const worker = farm.farm.runtimeSocket
  await t.throwsAsync(applyTo(farm, { limits }, { masterSocket: worker }), { code: 'lb-master' })
  t.is(await readFile(balancer!.config, 'utf8'), before)

  t.deepEqual(await applyTo(farm, {}), { changes: [], reloaded: false, drained: [] })
  t.is((await showProcesses(balancer!.masterSocket)).reloads, 0)
  t.true((await applyTo(farm, {}, { reloadAlways: true })).reloaded)
})

test('the command writes the file of a HAProxy that is not started, and keeps what was there', async (t) => {
  if (await lacks(t, 'haproxy')) return
  const farm = await startTestFarm(t)
  const path = join(farm.folder, 'farm.json')
  const config = join(farm.folder, 'haproxy.cfg')
  await writeFile(path, JSON.stringify(farm.file('lb-1')))
  await writeFile(config, 'global\n    # the distribution’s own "example"\n')
  const apply = (...args: string[]) =>
    run('./tapedeck', ['lb', 'apply', '--farm', path, '--config', config, ...args])
  const applied = await apply('--no-reload')
  t.is(applied.status, 0, applied.stderr)
  t.regex(applied.stdout.toString(), /\+ backend nodes: server node-2 [\s\S]*HAProxy was not told/)
  t.regex(await readFile(`${config}.before-tapedeck`, 'utf8'), /the distribution/)
  const rendered = await run('./tapedeck', ['lb', 'render', '--farm', path])
  t.is(rendered.stdout.toString(), await readFile(config, 'utf8'))

  const refused = await apply('--master-socket', join(farm.folder, 'none.sock'), '--reload')
  t.is(refused.status, 1)
  t.regex(refused.stderr, /HAProxy does not answer at .* \[lb-unreachable\]/)

  // An injection is refused with its place, and nothing is touched.
  const file = farm.file('lb-1')
  const nodes = [{ name: 'node-1', address: '127.0.0.1:1 check\n    server evil 203.0.113.1:443' }]
  await writeFile(path, JSON.stringify({ ...file, nodes, surprise: 1 }))
  const injected = await apply('--no-reload')
  t.is(injected.status, 1)
  t.regex(
    injected.stderr,
    /^nodes\[0\]\.address: expected an IP address or a host name, got "127\.0\.0\.1:1 check\\n/,
  )
  t.regex(
    injected.stderr,
    /surprise: there is no such setting\ntapedeck: The farm file has 2 problem\(s\)\. \[farm\]/,
  )
  // What only a look at the network shows, too.
  const unknown = [{ name: 'node-1', address: 'no-such-host.invalid' }]
  await writeFile(path, JSON.stringify({ ...file, nodes: unknown }))
  const unresolved = await apply('--no-reload')
  t.is(unresolved.status, 1)
  t.regex(unresolved.stderr, /node-1, no-such-host\.invalid[\s\S]*\[lb-unresolvable\]/)
  t.is(rendered.stdout.toString(), await readFile(config, 'utf8'))
})

test('what the master says is understood', (t) => {
  const said = `#<PID>          <type>          <reloads>       <uptime>        <version>
8035            master          2 [failed: 1]   0d00h00m48s     2.6.12-1+deb12u4
# workers
13409           worker          1               0d00h00m02s     2.6.12-1+deb12u4
# old workers
8040            worker          2               0d00h00m48s     2.6.12-1+deb12u4
# programs
`
  t.deepEqual(parseProcesses(said), {
    reloads: 2,
    failed: 1,
    worker: { pid: 13_409, isNewest: false },
    old: [8040],
  })
  t.throws(() => parseProcesses('Unknown command'), { code: 'lb-master' })
})
