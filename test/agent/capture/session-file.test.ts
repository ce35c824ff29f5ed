import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import fc from 'fast-check'
import { parseSessionFile, readCommand, readSessionFile } from '../../../agent/capture/session-file.ts'
import { encodeHead, parseRecord } from '../../../format/records.ts'
import { sampleId } from '../../helpers/sample-stream.ts'
import { temporaryFolder } from '../../helpers/test-node.ts'

const text = (values: Record<string, string | number>) =>
  Object.entries({ pid: 7, ticks: '99', boot: 'b', started: 1_790_000_000_000, ...values })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')

test('what record.sh says', (t) => {
  const session = parseSessionFile(
    text({
      user: 'ada',
      uid: 1000,
      groups: 'staff  adm',
      host: 'w=7',
      columns: 132,
      rows: 43,
      client: '192.0.2.7',
    }),
    'vim x',
  )
  t.like(session, {
    pid: 7,
    ticks: '99',
    boot: 'b',
    facts: {
      user: 'ada',
      uid: 1000,
      groups: ['staff', 'adm'],
      host: 'w=7',
      columns: 132,
      rows: 43,
      command: 'vim x',
    },
  })
  t.is(session!.facts.client.address, '192.0.2.7')
})

test('groups by number get their names; a session began when its command was written down', async (t) => {
  const dir = await temporaryFolder(t)
  await writeFile(join(dir, 'session'), 'pid=7\nticks=99\nboot=b\nuser=root\ngids=0 4 0 4294967290\n')
  await writeFile(join(dir, 'command'), 'vim x')
  const { facts } = (await readSessionFile(dir))!
  t.deepEqual(facts.groups, ['root', 'adm', '4294967290'])
  t.is(facts.startedMs, Math.floor((await stat(join(dir, 'command'))).mtimeMs))
})

test('without a process there is no session', (t) => {
  for (const values of [{ pid: 0 }, { pid: 'x' }, { pid: -1 }, { ticks: '' }, { ticks: '1 2' }])
    t.is(parseSessionFile(text(values), ''), undefined)
  t.is(parseSessionFile('', ''), undefined)
})

test('whatever a user calls things, the facts fit into HEAD', (t) => {
  const any = fc.string({ unit: 'binary', maxLength: 2000 })
  const worst = fc.constantFrom(
    '\u0001'.repeat(3000),
    '語'.repeat(3000),
    '\ud800'.repeat(3000),
    '"\\'.repeat(3000),
  )
  fc.assert(
    fc.property(fc.oneof(any, worst), fc.oneof(any, worst), fc.oneof(any, worst), (name, groups, command) => {
      const keys = ['user', 'host', 'application', 'client', 'term', 'session']
      const given = Object.fromEntries(keys.map((key) => [key, name.replaceAll('\n', '')]))
      const session = parseSessionFile(
        text({ ...given, groups: groups.replaceAll('\n', ' '), pid: 7, ticks: '99' }),
        command,
      )
      const { facts } = session!
      t.true(Buffer.byteLength(JSON.stringify(facts)) <= 2048)
      const certificate = 'c'.repeat(1000)
      const head = {
        v: 1,
        recording: sampleId(),
        stream: 'cast',
        frame: 0,
        start: 0,
        wall: 0,
        offset: 0,
      } as const
      const payload = encodeHead({
        ...head,
        source: { out: 1e15, timing: 1e15, time: 1e15 },
        certificate,
        facts,
      })
      t.deepEqual(parseRecord('head', payload).facts, facts)
    }),
  )
})

test('a command is kept as far as it fits, and in full beside', async (t) => {
  const dir = await temporaryFolder(t)
  const command = `echo ${'語'.repeat(5000)}`
  await writeFile(join(dir, 'command'), command)
  t.is(await readSessionFile(dir), undefined)
  await writeFile(join(dir, 'session'), text({ user: 'ada' }))
  const { facts } = (await readSessionFile(dir))!
  t.true(command.startsWith(facts.command))
  t.true(facts.command.length > 300)
  t.is(await readCommand(dir), command)
})
