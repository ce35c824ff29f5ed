import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { Spool } from '../../../agent/queue/spool.ts'
import type { SpooledStream } from '../../../agent/queue/spooled-stream.ts'
import { equalBytes } from '../../../format/bytes.ts'
import { eventually } from '../../helpers/eventually.ts'
import { openPty } from '../../helpers/pty.ts'
import { makeIdentities } from '../../helpers/sample-stream.ts'
import { smallDisk } from '../../helpers/small-disk.ts'
import { temporaryFolder } from '../../helpers/test-node.ts'
import {
  aliveRecorder,
  collectLog,
  noise,
  read,
  recorderOf,
  spoolSession,
  streamBytes,
} from '../agent-parts.ts'
import { WrittenLogs } from '../written-logs.ts'

const identities = makeIdentities()
const recordSh = fileURLToPath(new URL('../../../agent/capture/record.sh', import.meta.url))

async function openSession(home: string, run = join(home, 'run')) {
  const logs = new WrittenLogs(join(run, 's'))
  logs.announce({ ...aliveRecorder(), command: 'sh -c "é"' })
  const { spool } = await Spool.open(join(home, 'spool'))
  const spooled = await spoolSession(spool, run, 's')
  return { logs, spool, spooled, run }
}

const grown = (spooled: SpooledStream, from: number) =>
  eventually(() => {
    if (spooled.durable <= from) throw new Error(`Only ${spooled.durable} bytes are durable.`)
    return spooled.durable
  })

test('from the first prompt to the end: one frame, the facts, the exit status, and no logs left', async (t) => {
  const { logs, spool, spooled, run } = await openSession(await temporaryFolder(t))
  const recorder = recorderOf(spooled, run, identities)
  const running = recorder.run()
  logs.happen({ output: '$ ' })
  await grown(spooled, 0)
  logs.happen({ resize: [132, 43] })
  logs.happen({ output: 'bye' })
  logs.exit(7)
  await running
  const { report, events, output, sizes } = await read(await streamBytes(spooled), identities)
  t.deepEqual(report.problems, [])
  t.deepEqual(report.end, { reason: 'exit', exit: 7 })
  t.true(report.whole)
  t.true(equalBytes(output, logs.bytes))
  t.deepEqual(sizes, ['132x43'])
  t.like(JSON.parse(events[0]!.data), { kind: 'session-start', seq: 0, command: 'sh -c "é"', user: 'ada' })
  t.is(spooled.record.endSize, spooled.durable)
  await t.throwsAsync(stat(logs.dir), { code: 'ENOENT' })
  await spool.close()
})

test('a session ended by a signal, and one whose recorder was killed', async (t) => {
  for (const ended of [
    { line: 'S 0.100000 SIGTERM', exit: true, end: { reason: 'terminated', signal: 15 } },
    { line: undefined, exit: false, end: { reason: 'terminated' } },
  ]) {
    const { logs, spool, spooled, run } = await openSession(await temporaryFolder(t))
    logs.announce()
    const session = { ...spooled.record.session, pid: ended.exit ? spooled.record.session.pid : 2 ** 22 + 1 }
    await spooled.update({ session })
    logs.happen({ output: 'before' })
    if (ended.line) logs.line(ended.line)
    logs.writeOutput(Buffer.from('what has no line'))
    if (ended.exit) logs.exit(0)
    await recorderOf(spooled, run, identities).run()
    const { report, output } = await read(await streamBytes(spooled), identities)
    t.deepEqual(report.end, ended.end as typeof report.end)
    t.deepEqual([report.problems, report.gaps], [[], []])
    t.is(Buffer.from(output).toString(), 'beforewhat has no line')
    await spool.close()
  }
})

test('closed and started again, also within a character: all comes once', async (t) => {
  const home = await temporaryFolder(t)
  const { logs, spool, spooled, run } = await openSession(home)
  await spool.close()
  const pieces = [Buffer.of(97, 0xf0), Buffer.of(0x9f), Buffer.of(0x8e), Buffer.of(0x89, 98)]
  for (const piece of pieces) {
    const { spool: next } = await Spool.open(join(home, 'spool'))
    const queued = next.get(spooled.recording)!
    const recorder = recorderOf(queued, run, identities)
    const running = recorder.run()
    logs.happen({ output: piece })
    await eventually(() => {
      if (queued.files.length === 0) throw new Error('Nothing is recorded.')
    })
    await recorder.close()
    await running
    await next.close()
  }
  logs.exit(0)
  const { spool: last } = await Spool.open(join(home, 'spool'))
  const queued = last.get(spooled.recording)!
  await recorderOf(queued, run, identities).run()
  const { report, output } = await read(await streamBytes(queued), identities)
  t.deepEqual([report.problems, report.gaps], [[], []])
  t.is(Buffer.from(output).toString(), 'a🎉b')
  await last.close()
})

test('while somebody watches, each change is durable without a wait for the next look', async (t) => {
  const { logs, spool, spooled, run } = await openSession(await temporaryFolder(t))
  const recorder = recorderOf(spooled, run, identities)
  void recorder.run()
  recorder.setWatched(true)
  let durable = await grown(spooled, 0)
  for (let i = 0; i < 20; i++) {
    logs.happen({ output: `key ${i}` })
    durable = await grown(spooled, durable)
  }
  recorder.setWatched(false)
  logs.exit(0)
  await recorder.run()
  const { report, output } = await read(await streamBytes(spooled), identities)
  t.true(report.whole)
  t.true(equalBytes(output, logs.bytes))
  await spool.close()
})

test('several megabytes: frames of about a megabyte, and the memory of the logs is given back', async (t) => {
  const home = await temporaryFolder(t)
  const disk = smallDisk(t, 64 * 1024)
  const { logs, spool, spooled, run } = await openSession(home, disk ? join(disk, 'run') : undefined)
  const recorder = recorderOf(spooled, run, identities)
  void recorder.run()
  for (let i = 0; i < 96; i++) logs.happen({ output: noise(64 * 1024, i + 1) })
  if (disk)
    await eventually(async () => {
      const { blocks, size } = await stat(join(logs.dir, 'out'))
      if (blocks * 512 > size / 2) throw new Error(`${blocks * 512} of ${size} bytes are still there.`)
    })
  logs.exit(0)
  await recorder.run()
  const { report, output } = await read(await streamBytes(spooled), identities)
  t.true(report.whole)
  t.true(report.frames >= 5 && report.frames < 20, String(report.frames))
  t.true(equalBytes(output, logs.bytes))
  await spool.close()
})

test('a queue whose disk is full for a while loses nothing', async (t) => {
  const disk = smallDisk(t, 512)
  if (!disk) return t.pass()
  const home = await temporaryFolder(t)
  const log = collectLog()
  const run = join(home, 'run')
  const logs = new WrittenLogs(join(run, 's'))
  logs.announce(aliveRecorder())
  const { spool } = await Spool.open(join(disk, 'spool'))
  const spooled = await spoolSession(spool, run, 's')
  const recorder = recorderOf(spooled, run, identities, log)
  void recorder.run()
  logs.happen({ output: '$ ' })
  await grown(spooled, 0)
  await writeFile(join(disk, 'ballast'), new Uint8Array(600 * 1024)).catch(() => undefined)
  for (let i = 0; i < 10; i++) logs.happen({ output: noise(20_000, i + 1) })
  await eventually(() => {
    if (!log.said.some(({ facts }) => facts.errno === 'ENOSPC')) throw new Error('It has room yet.')
  })
  await rm(join(disk, 'ballast'))
  logs.exit(0)
  await recorder.run()
  const { report, output } = await read(await streamBytes(spooled), identities)
  t.deepEqual([report.problems, report.gaps], [[], []])
  t.true(equalBytes(output, logs.bytes))
  await spool.close()
})

test('a flood beyond the logs’ disk: a GAP where bytes are lost, and everything around it', async (t) => {
  const disk = smallDisk(t, 256)
  if (!disk) return t.pass()
  const home = await temporaryFolder(t)
  const folder = join(disk, 'agent', 'run')
  const script = 'seq 1 60000; echo READY; read x; echo tail; seq 1 500; read y; exit 3'
  const pty = openPty(['sh', recordSh, '--home', disk, '--', 'sh', '-c', script])
  await pty.waitFor('READY')
  const { readdir } = await import('node:fs/promises')
  const [name] = await readdir(folder)
  const { spool } = await Spool.open(join(home, 'spool'))
  const spooled = await spoolSession(spool, folder, name!)
  const log = collectLog()
  const recorder = recorderOf(spooled, folder, identities, log)
  void recorder.run()
  await eventually(() => {
    if (!spooled.state.written.some(({ head }) => head === 0)) throw new Error('There is no GAP yet.')
  })
  pty.write('x\r')
  await pty.waitFor('500\r\n')
  pty.write('y\r')
  t.is(await pty.exit, 3)
  await recorder.run()
  const { report, output } = await read(await streamBytes(spooled), identities)
  t.deepEqual(report.problems, [])
  t.is(report.end?.reason, 'exit')
  t.true(log.codes().includes('flood'))
  t.deepEqual(
    report.gaps.map(({ reason }) => reason),
    ['flood'],
  )
  const shown = pty.output()
  const start = shown.indexOf('1\r\n2\r\n')
  const end = shown.indexOf('y\r\n') + 3
  const whole = shown.subarray(start, end)
  const cut = output.findIndex((byte, i) => byte !== whole[i])
  t.true(cut > 200_000, String(cut))
  // What is missing is one piece, and what follows it is to the byte what was shown.
  const tail = output.length - cut
  t.true(tail > 2000, String(tail))
  t.is(Buffer.from(output.slice(cut)).toString(), whole.subarray(whole.length - tail).toString())
  t.true((report.gaps[0]!.bytes ?? 0) > 0)
  await spool.close()
})

test('logs that vanish or are no logs end the recording with a GAP', async (t) => {
  for (const destroy of [
    (dir: string) => rm(join(dir, 'timing')),
    (dir: string) => writeFile(join(dir, 'timing'), 'x'.repeat(200_000)),
    (dir: string) => writeFile(join(dir, 'out'), ''),
  ]) {
    const home = await temporaryFolder(t)
    const { logs, spool, spooled, run } = await openSession(home)
    const recorder = recorderOf(spooled, run, identities)
    void recorder.run()
    const durable = await grown(spooled, 0)
    logs.happen({ output: 'before' })
    await grown(spooled, durable)
    await recorder.close()
    await spool.close()
    await destroy(logs.dir)
    const { spool: next } = await Spool.open(join(home, 'spool'))
    const queued = next.get(spooled.recording)!
    await recorderOf(queued, run, identities).run()
    const { report, output } = await read(await streamBytes(queued), identities)
    t.deepEqual(report.problems, [])
    t.deepEqual(
      report.gaps.map(({ reason }) => reason),
      ['crash'],
    )
    t.is(report.end?.reason, 'lost')
    t.is(Buffer.from(output).toString(), 'before')
    await next.close()
  }
})
