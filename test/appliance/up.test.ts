import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import anyTest, { type ExecutionContext } from 'ava'
import { eventually } from '../helpers/eventually.ts'
import { allGone, processesWith } from '../helpers/processes.ts'
import { openPty } from '../helpers/pty.ts'
import { recordingOf } from '../helpers/recorded.ts'
import { commandOn, jsonOf, type Listed, removeHome, startUp } from '../helpers/up.ts'

// One after the other: each is a node and an agent.
const test = anyTest.serial
const launcher = fileURLToPath(new URL('../../tapedeck', import.meta.url))

async function newHome(t: ExecutionContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'tapedeck-'))
  t.teardown(() => eventually(() => removeHome(home)))
  return home
}

test('a second start on one home is refused at once, a third home is not', async (t) => {
  const home = await newHome(t)
  const up = await startUp({ home })
  t.teardown(() => up.stop())
  const second = await up.tapedeck('up', '--port', '0')
  t.is(second.status, 1)
  t.regex(second.stderr, /running already on .*\[running\]\n {2}Stop it first/)
  // Also while its node is not there to be asked.
  process.kill((await up.pids()).node!, 'SIGKILL')
  t.regex((await up.tapedeck('up', '--port', '0')).stderr, /\[running\]/)
  const other = await startUp()
  await other.stop()
})

test('killed by force, it can be started again', async (t) => {
  const home = await newHome(t)
  const first = openPty([launcher, 'up', '--home', home, '--port', '0', '--no-sample'])
  t.teardown(first.kill)
  await first.waitFor('Ctrl-C stops')
  const [up] = (await processesWith(`up --home ${home} `)).filter(
    (command) => !command.includes('terminal.py'),
  )
  process.kill(Number.parseInt(up!, 10), 'SIGKILL')
  await allGone(home)
  const again = await startUp({ home })
  await again.stop()
  t.deepEqual(await processesWith(home), [])
})

test('a port that is taken is said at once, before anything is made', async (t) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const home = await newHome(t)
  const { status, stderr } = await commandOn(home)('up', '--port', String(port))
  t.is(status, 1)
  t.is(
    stderr,
    `tapedeck: Another program listens on port ${port}. [port-in-use]\n  Choose another with --port N; 0 takes a free one.\n`,
  )
  t.false(existsSync(join(home, 'node')))
})

for (const port of ['x', '-1', '65536', '1.5', ''])
  test(`the port '${port}' is refused`, async (t) => {
    const { status, stderr } = await commandOn('/nonexistent/home')('up', `--port=${port}`)
    t.is(status, 2)
    t.regex(stderr, /Expected a whole number from 0 to 65535/)
  })

test('a home whose sockets would have too long a path is refused', async (t) => {
  const { status, stderr } = await commandOn(join(tmpdir(), 'x'.repeat(100)))('up', '--port', '0')
  t.is(status, 2)
  t.regex(stderr, /is too long.*\[home\]/)
})

test('a node that cannot start says why', async (t) => {
  const home = await newHome(t)
  await (await startUp({ home })).stop()
  await rm(join(home, 'node', 'tls.key'))
  await mkdir(join(home, 'node', 'tls.key'))
  const { status, stderr } = await commandOn(home)('up', '--port', '0')
  t.is(status, 1)
  t.regex(stderr, /EISDIR/)
})

test('Ctrl-C ends everything; the sample is recorded into an empty store only', async (t) => {
  const home = await newHome(t)
  const first = openPty([launcher, 'up', '--home', home, '--port', '0'], { columns: 300 })
  t.teardown(first.kill)
  await first.waitFor('Sign in     admin / ')
  await first.waitFor('A short sample session is being recorded now.')
  await first.waitFor('Ctrl-C stops')
  const up = { json: <T>(...args: string[]) => jsonOf<T>(commandOn(home), args) }
  await eventually(async () => {
    if ((await up.json<Listed[]>('list')).length !== 1) throw new Error('not listed')
  })
  first.write('\u0003')
  await first.waitFor('Stopping; recorded sessions go on and are kept.')
  t.is(await first.exit, 0)
  const programs = /(node|agent)\/main\.ts|main\.ts up /
  t.deepEqual(
    (await processesWith(home)).filter((line) => programs.test(line)),
    [],
  )
  // The sample's recorder ends by itself once it has heard.
  await allGone(home)

  const second = openPty([launcher, 'up', '--home', home, '--port', '0'], { columns: 300 })
  t.teardown(second.kill)
  await second.waitFor('Ctrl-C stops')
  t.notRegex(second.output().toString(), /Sign in|sample/)
  const [row] = await up.json<Listed[]>('list')
  await recordingOf(up, row!.command, ({ state }) => state === 'complete')
  second.hangup()
  await allGone(home)
})

test('one line of JSON says where it is; what is killed is started again on the same port', async (t) => {
  const up = await startUp()
  t.teardown(() => up.stop())
  t.regex(up.url, /^https:\/\/localhost:\d+$/)
  t.true(up.link.startsWith(`${up.url}/sign-in#ticket=`))
  t.is(up.user, 'admin')
  const before = await eventually(async () => {
    const pids = await up.pids()
    if (!pids.node || !pids.agent) throw new Error('not started')
    return pids
  })
  process.kill(before.node!, 'SIGKILL')
  process.kill(before.agent!, 'SIGKILL')
  await eventually(async () => {
    const now = await up.pids()
    if (!now.node || !now.agent || now.node === before.node || now.agent === before.agent)
      throw new Error('not started again')
    const { connection } = await up.json<{ connection: { state: string } }>('status')
    if (connection.state !== 'connected') throw new Error(`The agent is ${connection.state}.`)
  })
  t.deepEqual(await up.json<Listed[]>('list'), [])
})
