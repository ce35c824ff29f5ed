import assert from 'node:assert/strict'
import { cp, mkdir, readdir, readFile, readlink, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { type RunningAgent, startAgent } from '../../agent/agent.ts'
import { noDesktops } from '../../agent/capture/desktop/desktop-settings.ts'
import { generateKeyPem, publicKeyPem, signerFromPem } from '../../codec/ed25519.ts'
import { eventually } from '../helpers/eventually.ts'
import { openLine } from '../helpers/line.ts'
import { openPty } from '../helpers/pty.ts'
import { makeIdentities } from '../helpers/sample-stream.ts'
import { temporaryFolder } from '../helpers/test-node.ts'
import { startTestNode, type TestNode } from '../node/ingest/test-node.ts'
import { aliveRecorder, collectLog, read } from './agent-parts.ts'
import { httpOf, portOf, stored } from './uplink/uplink-parts.ts'
import { WrittenLogs } from './written-logs.ts'

// The agent whole, as main.ts starts it, with a node's ingest and recorders that are really there.

const recordSh = fileURLToPath(new URL('../../agent/capture/record.sh', import.meta.url))

interface Host {
  /** As `tapedeck --home` names it. */
  home: string
  run: string
  node: TestNode
  start(url?: string): Promise<{ agent: RunningAgent; log: ReturnType<typeof collectLog> }>
  record(...command: string[]): ReturnType<typeof openPty>
}

async function openHost(t: ExecutionContext): Promise<Host> {
  const home = await temporaryFolder(t)
  const [farmPem, agentPem] = [generateKeyPem(), generateKeyPem()]
  const identities = makeIdentities(farmPem, agentPem)
  const node = await startTestNode(t, { identities })
  const folder = join(home, 'agent')
  await mkdir(folder, { mode: 0o700 })
  await writeFile(join(folder, 'agent.key'), agentPem)
  await writeFile(join(folder, 'certificate'), identities.certificate)
  await writeFile(join(folder, 'farm.pub'), publicKeyPem(signerFromPem(farmPem).publicKey))
  t.teardown(async () => {
    const target = await readlink(join(folder, 'run')).catch(() => undefined)
    if (target) await rm(target, { recursive: true, force: true })
  })
  return {
    home,
    run: join(folder, 'run'),
    node,
    async start(url = httpOf(node)) {
      const log = collectLog()
      const config = {
        home: folder,
        url,
        messageLifeS: 3600,
        quotaMiB: 100,
        host: false,
        desktops: noDesktops,
      }
      const agent = await startAgent(config, { log, version: '1' })
      t.teardown(() => agent.close().catch(() => undefined))
      return { agent, log }
    },
    record(...command) {
      const pty = openPty(['sh', recordSh, '--home', home, '--', ...command])
      t.teardown(() => pty.kill())
      return pty
    },
  }
}

const completed = (node: TestNode, count: number) =>
  eventually(() => {
    assert.equal(node.register.done.size, count)
    return [...node.register.done.keys()]
  })

test('a session from its first byte to the farm; the status on the way', async (t) => {
  const host = await openHost(t)
  const { agent } = await host.start()
  const pty = host.record('sh', '-c', 'echo one; read x; echo two; exit 5')
  await pty.waitFor('one')
  const status = await eventually(() => {
    const now = agent.status()
    assert.equal(now.sessions.length, 1)
    assert.ok(now.sessions[0]!.bytes > 0)
    return now
  })
  t.like(status, { agent: 'agent-1', connection: { state: 'connected', node: 'node-1' } })
  t.is(status.sessions[0]!.command, 'sh -c echo one; read x; echo two; exit 5')
  pty.write('\r')
  t.is(await pty.exit, 5)
  const [recording] = await completed(host.node, 1)
  const { report, output } = await read(await stored(host.node, recording!), host.node.identities)
  t.true(report.whole)
  t.deepEqual(report.end, { reason: 'exit', exit: 5 })
  t.is(Buffer.from(output).toString(), 'one\r\n\r\ntwo\r\n')
  await eventually(async () => {
    assert.deepEqual(agent.status().queue, { bytes: 0, messages: 0, oldestMs: null })
    assert.deepEqual(agent.status().sessions, [])
    assert.deepEqual(await readdir(join(host.home, 'agent', 'spool')), [])
    assert.deepEqual(await readdir(host.run), [])
  })
})

test('sessions that ran while no agent did, to their end or not, are taken up later, once', async (t) => {
  const host = await openHost(t)
  const ended = host.record('sh', '-c', 'echo ended')
  t.is(await ended.exit, 0)
  const running = host.record('sh', '-c', 'echo running; read x; echo more')
  await running.waitFor('running')
  for (let round = 0; round < 3; round++) {
    const { agent } = await host.start()
    await eventually(() => assert.equal(agent.status().sessions.length, 1))
    await t.throwsAsync(host.start(), { code: 'agent-running' })
    await agent.close()
  }
  running.write('\r')
  t.is(await running.exit, 0)
  await host.start()
  const recordings = await completed(host.node, 2)
  const outputs = await Promise.all(
    recordings.map(async (recording) => {
      const { report, output } = await read(await stored(host.node, recording), host.node.identities)
      t.true(report.whole)
      return Buffer.from(output).toString()
    }),
  )
  t.deepEqual(outputs.sort(), ['ended\r\n', 'running\r\n\r\nmore\r\n'])
})

test('the farm is away: everything waits in the queue and goes when it is back', async (t) => {
  const host = await openHost(t)
  const line = await openLine(t)
  const { agent } = await host.start(line.url)
  for (let i = 0; i < 3; i++) t.is(await host.record('sh', '-c', `seq 1 ${i + 5}000`).exit, 0)
  await eventually(() => {
    const { queue, sessions, connection } = agent.status()
    assert.equal(sessions.length, 0)
    assert.ok(queue.messages >= 6 && queue.bytes > 1000 && queue.oldestMs !== null)
    assert.notEqual(connection.state, 'connected')
    assert.ok(connection.lastError)
  })
  line.target = portOf(host.node)
  for (const recording of await completed(host.node, 3)) {
    const { report } = await read(await stored(host.node, recording), host.node.identities)
    t.true(report.whole)
  }
})

test('a recording that is deleted in the farm while its session runs: the session goes on, unrecorded', async (t) => {
  const host = await openHost(t)
  const { agent } = await host.start()
  const pty = host.record('sh', '-c', 'echo up; while read x; do seq 1 200000; done')
  await pty.waitFor('up')
  const recording = await eventually(() => {
    const [session] = agent.status().sessions
    assert.ok(host.node.ingest.frames(session!.recording, 'cast'))
    return session!.recording
  })
  host.node.register.discarded.add(recording)
  host.node.ingest.discard(recording)
  await eventually(() => assert.deepEqual(agent.status().sessions, []))
  pty.write('x\r')
  await pty.waitFor('200000')
  // Its logs do not fill the memory, and it is not found again as a new one.
  const [folder] = await readdir(host.run)
  await eventually(async () => {
    const { blocks, size } = await stat(join(host.run, folder!, 'out'))
    assert.ok(size > 1_000_000 && blocks * 512 < size / 2, `${blocks * 512} of ${size}`)
  })
  await agent.close()
  const { agent: next } = await host.start()
  pty.write('\u0004')
  t.is(await pty.exit, 0)
  await eventually(async () => assert.deepEqual(await readdir(host.run), []))
  t.deepEqual(next.status().sessions, [])
  t.is(host.node.register.done.size, 0)
})

test('a host that is rolled back: a fork, and the session goes on in a new recording', async (t) => {
  const host = await openHost(t)
  await host.start().then(({ agent }) => agent.close())
  const logs = new WrittenLogs(join(host.run, 's'))
  logs.announce(aliveRecorder())
  const spool = join(host.home, 'agent', 'spool')
  // Each start seals what the one before had left open.
  const recordAndSend = async (output: string) => {
    const { agent } = await host.start()
    const before = agent.status().sessions[0]?.bytes ?? 0
    logs.happen({ output })
    const recording = await eventually(() => {
      const [session] = agent.status().sessions
      assert.ok(session && session.bytes > before && before >= 0)
      assert.equal(host.node.ingest.frames(session.recording, 'cast')?.size, session.bytes)
      return session.recording
    })
    await agent.close()
    return recording
  }
  const recording = await recordAndSend('first, ')
  await recordAndSend('second, ')
  const snapshot = join(host.home, 'snapshot')
  await cp(spool, snapshot, { recursive: true })
  await recordAndSend('AAAA, ')
  await recordAndSend('fourth, ')
  await rm(spool, { recursive: true })
  await cp(snapshot, spool, { recursive: true })
  // What it records this time is not what it recorded then.
  const path = join(logs.dir, 'out')
  await writeFile(path, (await readFile(path, 'utf8')).replace('AAAA', 'BBBB'))
  const { log } = await host.start()
  await eventually(() => assert.ok(log.codes().includes('fork')))
  logs.happen({ output: 'the end' })
  logs.exit(0)
  const [done] = await completed(host.node, 1)
  t.not(done, recording)
  const { report, events, output } = await read(await stored(host.node, done!), host.node.identities)
  t.true(report.whole)
  t.is(JSON.parse(events[0]!.data).sequence, 1)
  t.true('first, second, BBBB, fourth, the end'.endsWith(Buffer.from(output).toString()))
  t.true(Buffer.from(output).toString().endsWith('BBBB, fourth, the end'))
  await eventually(async () => assert.deepEqual(await readdir(spool), [`${recording}.forked`]))
})

test('what is in the run folder and is no session goes after a while, what may become one stays', async (t) => {
  const host = await openHost(t)
  await host.start().then(({ agent }) => agent.close())
  const old = new Date(Date.now() - 120_000)
  for (const [name, file] of [
    ['stale', 'start'],
    ['fresh', 'start'],
    ['broken', 'session'],
  ] as const) {
    await mkdir(join(host.run, name))
    await writeFile(join(host.run, name, file), 'pid=x\n')
    if (name !== 'fresh') await utimes(join(host.run, name), old, old)
  }
  await writeFile(join(host.run, 'file'), '')
  const { log } = await host.start()
  await eventually(async () => assert.deepEqual((await readdir(host.run)).sort(), ['file', 'fresh']))
  t.deepEqual(
    log.codes().filter((code) => code === 'scan'),
    [],
  )
})

test('a home that is not enrolled, and an authority that is not there', async (t) => {
  const home = await temporaryFolder(t)
  const start = (folder: string, ca?: string) =>
    startAgent(
      {
        home: folder,
        url: 'https://localhost:1',
        messageLifeS: 60,
        quotaMiB: 16,
        host: false,
        desktops: noDesktops,
        ...(ca && { ca }),
      },
      { log: collectLog(), version: '1' },
    )
  await t.throwsAsync(start(home), { code: 'not-enrolled' })
  const host = await openHost(t)
  await t.throwsAsync(start(join(host.home, 'agent'), 'absent.crt'), { code: 'config', message: /ca: / })
  // A run folder of others stops it, and the next try finds nothing held.
  await writeFile(host.run, '')
  await t.throwsAsync(start(join(host.home, 'agent')), { code: 'run-folder' })
  await rm(host.run)
  const { agent } = await host.start()
  t.truthy(await readFile(join(host.home, 'agent', 'certificate'), 'utf8'))
  await agent.close()
})
