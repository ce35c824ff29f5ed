import test from 'ava'
import { Coverage } from '../../../agent/host/coverage.ts'
import { type Login, parseLoginctl, parseUtmp } from '../../../agent/host/utmp.ts'

function record(type: number, login: Partial<Login> & { user: string }): Buffer {
  const bytes = Buffer.alloc(384)
  bytes.writeInt16LE(type, 0)
  bytes.writeInt32LE(login.pid ?? 1, 4)
  bytes.write(login.line ?? '', 8)
  bytes.write(login.user, 44)
  bytes.write(login.from ?? '', 76)
  bytes.writeUInt32LE(Math.floor((login.sinceMs ?? 0) / 1000), 340)
  return bytes
}

test('utmp names who is logged in, and nobody else', (t) => {
  const ada = { user: 'ada', line: 'pts/3', pid: 77, from: '192.0.2.7', sinceMs: 1_790_000_000_000 }
  const bytes = Buffer.concat([
    record(2, { user: 'reboot', line: '~' }),
    record(8, { user: '', line: 'pts/1' }),
    record(7, ada),
    Buffer.alloc(100),
  ])
  t.deepEqual(parseUtmp(bytes), [ada])
  const longest = record(7, { user: 'x'.repeat(32), line: 'y'.repeat(32) })
  t.is(parseUtmp(longest)[0]!.user.length, 32)
  t.deepEqual(
    parseLoginctl(
      '[{"session":"1","uid":0,"user":"root","seat":"","tty":"pts/0","leader":7,"since":1790000000000000},{"session":"2","user":"ada","tty":null}]',
    ),
    [{ user: 'root', line: 'pts/0', pid: 7, from: '', sinceMs: 1_790_000_000_000 }],
  )
})

test('a login that is neither recorded nor decided on is told once, after its time of grace', async (t) => {
  const login = (user: string, line: string, sinceMs = 0, from = ''): Login => ({
    user,
    line,
    pid: 5,
    from,
    sinceMs,
  })
  const known = login('ada', 'pts/2')
  let logins = [
    login('ada', 'pts/1', 0, '::1'),
    known,
    login('eve', 'pts/3'),
    login('bob', 'pts/4', 90_000),
    // A window of screen.
    login('ada', 'pts/9', 0, ':pts/1:S.0'),
  ]
  let covered = [{ user: 'ada', line: 'pts/1', startedMs: 100 }]
  const told: string[] = []
  const changes: string[][] = []
  const coverage = new Coverage({
    scope: async () => new Set(['ada', 'bob']),
    logins: async () => logins,
    covered: () => covered,
    unrecorded: ({ user, line }) => told.push(`${user} ${line}`),
    changed: (unrecorded) => changes.push(unrecorded.map(({ user, line }) => `${user} ${line}`)),
  })
  await coverage.look(10_000)
  t.deepEqual(changes, [[]])
  await coverage.look(100_000)
  await coverage.look(100_001)
  t.deepEqual(told, ['ada pts/2'])
  t.deepEqual(coverage.counts, { logins: 3, unrecorded: 1 })
  // A recording that begins later on the same terminal covers what is then shown there, not the login.
  covered = [...covered, { user: 'ada', line: 'pts/2', startedMs: 105_000 }]
  await coverage.look(110_000)
  t.deepEqual(told, ['ada pts/2', 'bob pts/4'])
  t.deepEqual(changes, [[], ['ada pts/2'], ['ada pts/2', 'bob pts/4']])

  // Another user's recording of the same terminal covers nobody, nor does one of a login before.
  covered = [
    { user: 'eve', line: 'pts/5', startedMs: 200_000 },
    { user: 'ada', line: 'pts/5', startedMs: 100 },
  ]
  logins = [known, login('ada', 'pts/5', 200_000)]
  await coverage.look(200_000)
  logins = [known]
  // It is over; that it was is told all the same.
  await coverage.look(204_000)
  t.is(told.length, 2)
  await coverage.look(216_000)
  t.deepEqual(told.slice(2), ['ada pts/5'])
  t.deepEqual(coverage.counts, { logins: 1, unrecorded: 1 })
  t.deepEqual(changes.at(-1), ['ada pts/2', 'bob pts/4', 'ada pts/5'])

  // A short login with its recording, both over at the next look.
  logins = [login('ada', 'pts/6', 300_000)]
  await coverage.look(300_000)
  logins = []
  covered = [{ user: 'ada', line: 'pts/6', startedMs: 300_100 }]
  await coverage.look(301_000)
  covered = []
  await coverage.look(400_000)
  t.is(told.length, 3)
  t.deepEqual(coverage.counts, { logins: 0, unrecorded: 0 })
  await coverage.look(4_000_000)
  t.deepEqual(changes.at(-1), [])
})
