import { existsSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import anyTest, { type ExecutionContext } from 'ava'
import { startApart } from '../helpers/apart.ts'
import { openPty } from '../helpers/pty.ts'
import { difference, exportedOutput, printed, recorded, recordingOf } from '../helpers/recorded.ts'
import { startSession } from '../helpers/session.ts'
import { temporaryFolder } from '../helpers/test-node.ts'

// The wall clock of the agent's or the node's host jumps, as when it is set right after years.

const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
const library = `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`
const test = existsSync(library) ? anyTest : anyTest.skip

/** The library leaves a page of shared memory for each process that used it. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir('/dev/shm')) {
    const pid = /^(?:faketime_shm|sem\.faketime_sem)_(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await rm(join('/dev/shm', name), { force: true })
  }
}

/** A wall clock of a program's own. Its other clocks are the machine's. */
async function movableClock(t: ExecutionContext) {
  const file = join(await temporaryFolder(t), 'clock')
  const jump = (days: number) => writeFile(file, `${days >= 0 ? '+' : ''}${days}d\n`)
  await jump(0)
  t.teardown(removeLeftovers)
  const env = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_DONT_RESET: '1',
  }
  return { env, jump }
}

for (const days of [-400, 400])
  test(`the agent's clock jumps by ${days} days while it records (needs faketime)`, async (t) => {
    const { env, jump } = await movableClock(t)
    const farm = await startApart({ agentEnv: env })
    t.teardown(() => farm.stop())
    const pty = openPty(farm.recordCommand('sh'))
    t.teardown(pty.kill)
    await pty.waitFor('# ')
    const { id, bytes } = await recordingOf(farm, 'sh', (row) => row.state === 'live' && row.bytes > 0)
    await jump(days)
    pty.write('echo typed after the jump\r')
    await pty.waitFor('\ntyped after the jump')
    // It arrives while the session still runs.
    await recordingOf(farm, 'sh', (row) => row.bytes > bytes)
    pty.write('exit\r')
    t.is(await pty.exit, 0)
    await recordingOf(farm, 'sh')
    t.is(difference(await exportedOutput(farm, id), printed(pty)), undefined)
    t.is((await farm.tapedeck('verify', id)).status, 0)
    const exported = (await farm.tapedeck('export', id)).stdout
    const seconds = recorded(exported).times
    t.true(seconds.every((time, i) => time >= (seconds[i - 1] ?? 0) && time < 600))
  })

for (const days of [-400, 400])
  test(`the node's clock jumps by ${days} days (needs faketime)`, async (t) => {
    const { env, jump } = await movableClock(t)
    const farm = await startApart({ nodeEnv: env })
    t.teardown(() => farm.stop())
    const pty = openPty(farm.recordCommand('sh'))
    t.teardown(pty.kill)
    await pty.waitFor('# ')
    await recordingOf(farm, 'sh', ({ state, bytes }) => state === 'live' && bytes > 0)
    await jump(days)
    const later = startSession(farm, 1, 1)
    await later.check()
    pty.write('exit\r')
    t.is(await pty.exit, 0)
    await recordingOf(farm, 'sh')
  })

test("what waits does not expire because the agent's clock was set forward (needs faketime)", async (t) => {
  const { env, jump } = await movableClock(t)
  const farm = await startApart({ agentEnv: env })
  t.teardown(() => farm.stop())
  await farm.node.end()
  // Some frames are sealed and unsent.
  const session = startSession(farm, 1, 6)
  t.is(await session.pty.exit, 0)
  await jump(400)
  // The queue is looked at every 10 s.
  await sleep(12_000)
  await farm.node.start()
  await session.check()
})
