import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { DesktopSettings } from '../../agent/capture/desktop/desktop-settings.ts'
import { Desktops, type DesktopsOptions } from '../../agent/desktops.ts'
import { Spool } from '../../agent/queue/spool.ts'
import { recordingPath } from '../../format/recording-id.ts'
import type { Facts } from '../../format/records.ts'
import { StreamVerifier } from '../../format/stream-verifier.ts'
import { end, missingPrograms, startDesktop } from '../helpers/desktop.ts'
import { eventually } from '../helpers/eventually.ts'
import { crypto } from '../helpers/sample-stream.ts'
import { temporaryFolder } from '../helpers/test-node.ts'
import { startTestNode, type TestNode } from '../node/ingest/test-node.ts'
import { collectLog } from './agent-parts.ts'
import { httpOf, identityOf, openUplink, sentAll } from './uplink/uplink-parts.ts'

// Found desktops, in a queue, to a node's ingest.

const missing =
  process.getuid!() === 0 ? missingPrograms('Xvnc', 'Xvfb', 'x0vncserver', 'xsetroot') : 'needs root'
const real = missing ? test.skip : test
if (missing) test.skip(`desktops: ${missing}`, () => undefined)

const found: DesktopSettings = { find: true, named: [] }

async function openAgent(
  t: ExecutionContext,
  node: TestNode,
  home: string,
  options: Pick<DesktopsOptions, 'covers'> & Partial<DesktopsOptions>,
) {
  const { spool } = await Spool.open(join(home, 'spool'))
  const log = collectLog()
  const desktops: Desktops = new Desktops({
    settings: found,
    home,
    spool,
    identity: identityOf(node.identities),
    crypto,
    log,
    onDurable: (spooled) => uplink.notify(spooled),
    decide: async () => true,
    ...options,
  })
  const { uplink } = openUplink(t, spool, httpOf(node), node.identities, {
    onWatched: (spooled, watched) => desktops.setWatched(spooled, watched),
    onFork: (recording) => desktops.fork(recording),
    onDiscarded: (recording) => desktops.discard(recording),
  })
  await desktops.start()
  t.teardown(() => desktops.close())
  return { desktops, spool, uplink, log }
}

/** Streams that the node has of a recording, by folder, and what is wrong with them. */
async function inStore(node: TestNode, recording: string) {
  const all: { folder: number; stream: string; problems: unknown[]; end: string | undefined }[] = []
  for (const [folder, dir] of node.folders.entries())
    for (const stream of ['cast', 'rfb']) {
      const path = join(dir, `${recordingPath(recording)}.${stream}.zst`)
      const bytes = await readFile(path).catch(() => undefined)
      if (!bytes) continue
      const verifier = new StreamVerifier(node.identities.farm.publicKey, crypto)
      verifier.push(bytes)
      const { problems, end } = verifier.finish(bytes.length)
      all.push({ folder, stream, problems, end: end?.reason })
    }
  return all
}

real("a user's desktops are found, read directly and through x0vncserver; another's is not", async (t) => {
  const node = await startTestNode(t, { folders: 2 })
  const home = await temporaryFolder(t)
  const [alice, bob] = [61_001, 61_002]
  const direct = await startDesktop(t, { geometry: '320x240', uid: alice })
  const asked: Facts[] = []
  const { desktops, spool } = await openAgent(t, node, home, {
    covers: async ({ uid }) => uid === alice,
    decide: async (facts) => {
      asked.push(facts)
      return true
    },
  })
  // One that starts while the agent looks.
  const scraped = await startDesktop(t, { server: 'Xvfb', geometry: '400x300', uid: alice })
  await startDesktop(t, { geometry: '320x240', uid: bob })
  await scraped.run('xsetroot', '-solid', '#335577')
  await eventually(() => {
    assert.equal(desktops.status.length, 2)
    assert.ok(desktops.live.every(({ cast }) => cast.record.session.facts.columns > 0))
  })
  t.deepEqual(
    desktops.live
      .map(({ cast }) => [cast.record.session.facts.columns, cast.record.session.facts.uid])
      .sort(),
    [
      [320, alice],
      [400, alice],
    ],
  )
  t.deepEqual(
    asked.map(({ type, uid }) => [type, uid]),
    Array(2).fill(['desktop', alice]),
  )
  const recordings = desktops.live.map(({ cast }) => cast.recording)
  await Promise.all([end(direct.server), end(scraped.server)])
  await sentAll(spool)
  t.deepEqual([...node.register.done.keys()].sort(), recordings.toSorted())
  for (const recording of recordings) {
    const streams = await inStore(node, recording)
    t.deepEqual(
      streams.map(({ stream, problems, end }) => [stream, problems, end]),
      [
        ['cast', [], 'exit'],
        ['rfb', [], 'exit'],
      ],
    )
    t.is(new Set(streams.map(({ folder }) => folder)).size, 1, 'both lie in one store')
  }
})

real('a deleted recording is not begun again; one whose server ended meanwhile has its end', async (t) => {
  const node = await startTestNode(t)
  const home = await temporaryFolder(t)
  const [kept, deleted] = await Promise.all([
    startDesktop(t, { geometry: '320x240', args: ['-Password', '0123456789abcdef'] }),
    startDesktop(t, { geometry: '320x240' }),
  ])
  const settings = {
    find: false,
    named: [
      { name: 'a', address: { path: kept.socket } },
      { name: 'b', display: deleted.display },
    ],
  }
  const options = { settings, covers: async () => false }
  const first = await openAgent(t, node, home, options)
  const recordings = await eventually(() => {
    assert.equal(node.register.rows.filter(({ stream }) => stream === 'rfb').length, 2)
    return new Map(first.desktops.status.map(({ name, recording }) => [name, recording]))
  })
  const gone = recordings.get(deleted.display)!
  node.register.discarded.add(gone)
  node.ingest.discard(gone)
  await eventually(() => assert.equal(first.spool.streamsOf(gone).length, 0))
  t.deepEqual(
    first.desktops.status.map(({ name }) => name),
    [kept.display],
  )

  const forked = recordings.get(kept.display)!
  t.regex(first.desktops.live[0]!.cast.record.session.facts.command, /^X\w+ .*-Password … /)
  await first.desktops.fork(forked)
  const [again] = first.desktops.live
  t.not(again!.cast.recording, forked)
  t.is(again!.cast.record.session.facts.sequence, 1)
  t.true((await readdir(join(home, 'spool'))).includes(`${forked}.forked`))
  await eventually(() => assert.ok(again!.bytes > 0 && again!.cast.durable > 0))

  await first.desktops.close()
  await first.uplink.close()
  await first.spool.close()
  await end(kept.server)
  const next = await openAgent(t, node, home, options)
  await sentAll(next.spool)
  const last = await inStore(node, again!.cast.recording)
  t.deepEqual(
    last.map(({ problems, end }) => [problems, end]),
    Array(2).fill([[], 'lost']),
  )
  t.deepEqual(next.desktops.status, [], 'nor by the next agent')
})

real('a server that lets nobody in is told, and is no recording', async (t) => {
  const node = await startTestNode(t)
  const desktop = await startDesktop(t, {
    geometry: '320x240',
    args: ['-SecurityTypes', 'VncAuth', '-rfbauth', '/nonexistent'],
  })
  const address = { path: desktop.socket }
  const settings = { find: false, named: [{ name: 'a', address, passwordFile: '/etc/shadow' }] }
  const { desktops, spool } = await openAgent(t, node, await temporaryFolder(t), {
    settings,
    covers: async () => false,
  })
  await eventually(() => assert.ok(desktops.status[0]?.trouble))
  t.is(desktops.status[0]!.name, desktop.display)
  await end(desktop.server)
  await eventually(() => assert.deepEqual(spool.streams, []))
  t.deepEqual(node.register.rows, [])
})
