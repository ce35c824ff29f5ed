import { writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import anyTest, { type ExecutionContext } from 'ava'
import { type Apart, startApart } from '../helpers/apart.ts'
import { eventually } from '../helpers/eventually.ts'
import { connect, type Namespaces, openNamespaces } from '../helpers/namespaces.ts'
import { needingNamespaces } from '../helpers/needs.ts'
import { openPty } from '../helpers/pty.ts'
import { difference, exportedOutput, printed, recordingOf } from '../helpers/recorded.ts'
import { startSession } from '../helpers/session.ts'
import { temporaryFolder } from '../helpers/test-node.ts'

// Node and agent on networks of their own with a cable between them, and what happens to cables.

/** By its path: a tool of npm's has the same name. */
const nft = '/usr/sbin/nft'

const test = needingNamespaces(anyTest, nft)

interface Cable {
  farm: Apart
  nodeSide: Namespaces
  agentSide: Namespaces
}

async function startOverCable(t: ExecutionContext): Promise<Cable> {
  const [nodeSide, agentSide] = [await openNamespaces('net'), await openNamespaces('net', 'mount')]
  t.teardown(() => {
    nodeSide.close()
    agentSide.close()
  })
  await connect(nodeSide, '10.77.0.1', agentSide, '10.77.0.2')
  // The node's certificate names the host.
  const hosts = join(await temporaryFolder(t), 'hosts')
  await writeFile(hosts, `127.0.0.1 localhost\n10.77.0.1 ${hostname()}\n`)
  await agentSide.run('mount', '--bind', hosts, '/etc/hosts')
  const farm = await startApart({
    nodeWithin: nodeSide.within,
    agentWithin: agentSide.within,
    host: '0.0.0.0',
    name: hostname(),
  })
  t.teardown(() => farm.stop())
  return { farm, nodeSide, agentSide }
}

async function connection(farm: Apart): Promise<{ state: string; sinceMs: number }> {
  return (await farm.json<{ connection: { state: string; sinceMs: number } }>('status')).connection
}

const isConnected = (farm: Apart, expected: boolean) =>
  eventually(
    async () => {
      const { state } = await connection(farm)
      if ((state === 'connected') !== expected) throw new Error(`The agent's connection is ${state}.`)
    },
    { timeoutMs: 90_000, everyMs: 500 },
  )

test('a cable that is pulled and put back', async (t) => {
  const { farm, nodeSide } = await startOverCable(t)
  const session = startSession(farm, 1, 4)
  t.teardown(session.pty.kill)
  await sleep(1000)
  await nodeSide.run('ip', 'link', 'set', 'eth0', 'down')
  const during = startSession(farm, 2, 1)
  t.is(await during.pty.exit, 0)
  await nodeSide.run('ip', 'link', 'set', 'eth0', 'up')
  await session.check()
  await during.check()
  t.pass()
})

test('a line of 1 Mbit/s that loses every 20th packet', async (t) => {
  const { farm, nodeSide, agentSide } = await startOverCable(t)
  for (const side of [nodeSide, agentSide]) {
    await side.run(...'tc qdisc add dev eth0 root tbf rate 1mbit burst 16k latency 300ms'.split(' '))
    await side.run(nft, 'add table inet lossy')
    await side.run(nft, 'add chain inet lossy in { type filter hook input priority 0; }')
    await side.run(nft, 'add rule inet lossy in iifname eth0 numgen random mod 20 < 1 counter drop')
  }
  const session = startSession(farm, 1, 3)
  t.teardown(session.pty.kill)
  await session.check()
  const rules = await nodeSide.run(nft, 'list table inet lossy')
  t.true(Number(/packets (\d+)/.exec(rules)![1]) > 0, 'packets were lost')
})

/** A session that goes on until it is told to end. */
async function openShell(t: ExecutionContext, farm: Apart) {
  const pty = openPty(farm.recordCommand('sh'))
  t.teardown(pty.kill)
  await pty.waitFor('# ')
  await recordingOf(farm, 'sh', ({ state, bytes }) => state === 'live' && bytes > 0)
  return {
    async endsWhole() {
      pty.write('exit\r')
      t.is(await pty.exit, 0)
      const { id } = await recordingOf(farm, 'sh')
      t.is(difference(await exportedOutput(farm, id), printed(pty)), undefined)
      t.is((await farm.tapedeck('verify', id)).status, 0)
    },
  }
}

test("the agent's host gets another address", async (t) => {
  const { farm, agentSide } = await startOverCable(t)
  const shell = await openShell(t, farm)
  const { sinceMs } = await connection(farm)
  await agentSide.run('ip', 'address', 'add', '10.77.0.3/24', 'dev', 'eth0')
  await agentSide.run('ip', 'address', 'del', '10.77.0.2/24', 'dev', 'eth0')
  await agentSide.run('ip', 'address', 'replace', '10.77.0.3/24', 'dev', 'eth0')
  const during = startSession(farm, 1, 2)
  t.teardown(during.pty.kill)
  await during.check()
  await shell.endsWhole()
  t.true((await connection(farm)).sinceMs > sinceMs, 'the connection is a new one')
})

test('a port that swallows everything: only heartbeats notice', async (t) => {
  const { farm, nodeSide } = await startOverCable(t)
  const shell = await openShell(t, farm)
  await nodeSide.run(nft, 'add table inet hole')
  await nodeSide.run(nft, 'add chain inet hole in { type filter hook input priority 0; }')
  await nodeSide.run(nft, 'add rule inet hole in iifname eth0 drop')
  const during = startSession(farm, 1, 1)
  t.is(await during.pty.exit, 0)
  await isConnected(farm, false)
  await recordingOf(farm, 'sh', ({ state }) => state === 'dormant')
  await nodeSide.run(nft, 'delete table inet hole')
  await isConnected(farm, true)
  await during.check()
  await shell.endsWhole()
})
