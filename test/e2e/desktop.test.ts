import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { recordingPath } from '../../format/recording-id.ts'
import type { VerifyReport } from '../../format/verify-report.ts'
import { dress, end, missingPrograms, openDesktop } from '../helpers/desktop.ts'
import { eventually } from '../helpers/eventually.ts'
import { difference } from '../helpers/picture.ts'
import { fbsBlocks, replay, zstdcat, zstdcatLive } from '../helpers/replay.ts'
import { type Listed, startUp, type Up } from '../helpers/up.ts'

// A real desktop, recorded by the product as a person starts it.

const missing = missingPrograms('Xvnc', 'openbox', 'xdotool', 'xwd', 'xsetroot')
const real = missing ? test.skip : test
if (missing) test.skip(`desktops: ${missing}`, () => undefined)

interface Shown extends Listed {
  type: string
  application: string
  screenBytes: number
  columns: number
  rows: number
}

real('a desktop from its first picture to its end, through kill -9 of agent and node', async (t) => {
  const up = await startUp()
  t.teardown(() => up.stop())
  const desktop = await openDesktop({ geometry: '800x600' })
  t.teardown(() => desktop.stop())
  await dress(desktop)
  const config = join(up.home, 'agent', 'agent.json')
  const desktops = { find: false, named: [{ path: desktop.socket }] }
  await writeFile(config, JSON.stringify({ ...JSON.parse(await readFile(config, 'utf8')), desktops }))
  await kill(up, 'agent')

  const row = await eventually(async () => {
    const [first, ...more] = await up.json<Shown[]>('list')
    assert.ok(first && more.length === 0 && first.screenBytes > 0, JSON.stringify([first, ...more]))
    return first
  })
  t.like(row, { type: 'desktop', state: 'live', columns: 800, rows: 600, user: userInfo().username })
  t.regex(row.application, /^X(tiger)?vnc :\d+$/)
  const path = join(up.home, 'node', 'recordings', recordingPath(row.id))
  const shown = (colour: string) => async () => {
    await desktop.run('xsetroot', '-solid', colour)
    const picture = await desktop.picture()
    await eventually(
      async () => {
        const differs = difference(picture, await replay(fbsBlocks(await zstdcatLive(`${path}.rfb.zst`))))
        if (differs) throw new Error(differs)
      },
      { timeoutMs: 60_000, everyMs: 300 },
    )
  }
  const doctor = JSON.parse((await up.tapedeck('doctor', '--json')).stdout.toString())
  t.like(
    doctor.find(({ code }: { code: string }) => code === 'desktops'),
    { level: 'ok', text: '1 desktops are being recorded.' },
  )
  await shown('#114411')()
  await kill(up, 'agent')
  await shown('#771111')()
  await kill(up, 'node')
  await shown('#111177')()
  await kill(up, 'node', 'agent')
  await shown('#777711')()

  await end(desktop.server)
  const last = await eventually(
    async () => {
      const [only] = await up.json<Shown[]>('list')
      assert.equal(only?.state, 'complete')
      return only!
    },
    { timeoutMs: 60_000 },
  )
  t.like(last, { id: row.id, endReason: 'exit', proof: 'sealed' }, 'the same X server is one recording')
  t.true(last.gaps >= 1)

  const report = await verified(up, row.id)
  t.deepEqual([report.problems, report.screen?.problems], [[], []])
  t.deepEqual([report.stream, report.screen?.stream], ['cast', 'rfb'])
  t.deepEqual([report.end?.reason, report.screen?.end?.reason], ['exit', 'exit'])
  t.true(report.screen!.gaps.every(({ reason }) => reason === 'crash'))
  const file = await up.tapedeck('verify', `${path}.rfb.zst`, '--json')
  t.deepEqual(JSON.parse(file.stdout.toString()).problems, [])

  const fbs = await up.tapedeck('export', row.id, '--format', 'fbs')
  t.true(fbs.stdout.equals(await zstdcat(`${path}.rfb.zst`)))
  const events = (await zstdcat(`${path}.cast.zst`)).toString().trim().split('\n').slice(1)
  const kinds = events.map((line) => JSON.parse(JSON.parse(line)[2]))
  t.is(kinds[0].kind, 'session-start')
  t.is(kinds.at(-1).kind, 'session-end')
  t.deepEqual(
    kinds.map(({ seq }) => seq),
    kinds.map((_, i) => i),
  )

  const copies = ['rfb', 'cast'].map((stream) => join(desktop.dir, `copy.${stream}.zst`))
  for (const copy of copies) await copyFile(copy.replace(/^.*copy/, path), copy)
  await up.tapedeck('delete', row.id, '--force')
  t.deepEqual(await up.json<Shown[]>('list'), [])
  for (const stream of ['rfb', 'cast']) t.false(existsSync(`${path}.${stream}.zst`))
  const alone = await up.tapedeck('import', copies[0]!)
  t.regex(alone.stderr, /whose timeline of the same agent is not here.*\[timeline\]/)
  const both = await up.tapedeck('import', ...copies)
  t.is(both.status, 0, both.stderr)
  const [imported] = await up.json<Shown[]>('list')
  const { state, bytes, screenBytes, gaps } = last
  t.like(imported, { id: row.id, state, bytes, screenBytes, gaps, endReason: 'exit', type: 'desktop' })
  t.regex((await up.tapedeck('show', row.id)).stdout.toString(), /type +desktop\n.*screen +800 x 600/)
  await eventually(async () => {
    const { queue, sessions } = await up.json<{ queue: { bytes: number }; sessions: unknown[] }>('status')
    assert.deepEqual([queue.bytes, sessions.length], [0, 0])
  })
})

async function verified(up: Up, id: string): Promise<VerifyReport & { screen?: VerifyReport }> {
  const { stdout, stderr } = await up.tapedeck('verify', id, '--json')
  assert.ok(stdout.length > 0, stderr)
  return JSON.parse(stdout.toString())
}

/** `kill -9`, and waits until the supervisor has started another. */
async function kill(up: Up, ...names: ('agent' | 'node')[]): Promise<void> {
  const before = await up.pids()
  for (const name of names) process.kill(before[name]!, 'SIGKILL')
  await eventually(async () => {
    const now = await up.pids()
    for (const name of names) assert.ok(now[name] !== undefined && now[name] !== before[name])
  })
}
