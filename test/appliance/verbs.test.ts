import { existsSync } from 'node:fs'
import { mkdtemp, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { recordingPath } from '../../format/recording-id.ts'
import { openPty } from '../helpers/pty.ts'
import { completed, type Listed, run, startUp, type Up } from '../helpers/up.ts'

// The command against a running server: what it prints, what it refuses and how, and with which exit status.

interface Context {
  up: Up
  /** A recording that is whole, of a command with a name that would act on a terminal. */
  id: string
  work: string
}

// One command at a time: each is a Node of its own.
const test = (anyTest as TestFn<Context>).serial
const { before, after } = anyTest as TestFn<Context>
const command = 'printf hostile\u001b]0;title\u0007name'
const unknown = '01a2103d-a590-72cf-bf6f-1c561223d15b'

before(async (t) => {
  const work = await mkdtemp(join(tmpdir(), 'tapedeck-work-'))
  const up = await startUp()
  t.context = { up, id: '', work }
  const pty = openPty(up.recordCommand(...command.split(' ')), { cwd: work })
  t.is(await pty.exit, 0)
  t.context.id = (await completed(up)).id
})
after.always(async (t) => {
  await t.context.up?.stop()
  await rm(t.context.work, { recursive: true, force: true })
})

const storedFile = ({ up, id }: Context) =>
  join(up.home, 'node', 'recordings', `${recordingPath(id)}.cast.zst`)
/** The error's code and nothing of it that acts. */
const code = (stderr: string) => /^tapedeck: [^\n]* \[([\w-]+)\]\n( {2}\S[^\n]*\n)?$/.exec(stderr)?.[1]

test('list shows a line for each, and nothing in it acts on the terminal', async (t) => {
  const { up, id } = t.context
  const { stdout } = await up.tapedeck('list')
  const [head, line] = stdout.toString().split('\n')
  t.regex(head!, /^START +USER +HOST +TYPE +APPLICATION +DURATION +SIZE +ID$/)
  t.true(line!.endsWith(id))
  const shown = (await up.tapedeck('show', id)).stdout.toString()
  t.regex(shown, /command +printf hostile\\u001b\]0;title\\u0007name\n/)
  t.regex(shown, /proof +sealed/)
  t.notRegex(shown, /[\u0000-\u0009\u000b-\u001f]/)
})

test('list filters, pages and says when nothing matches', async (t) => {
  const { up, id } = t.context
  const ids = async (...args: string[]) => (await up.json<Listed[]>('list', ...args)).map((row) => row.id)
  t.deepEqual(await ids('--application', 'printf', '--state', 'complete', '--limit', '1'), [id])
  t.deepEqual(await ids('--user', 'nobody'), [])
  t.deepEqual(await ids('--to', '2001-01-01'), [])
  const none = await up.tapedeck('list', '--user', 'nobody')
  t.is(none.status, 0)
  t.regex(none.stdout.toString(), /^No recordings match/)
  t.is(code((await up.tapedeck('list', '--state', 'x')).stderr), 'invalid')
  t.is(code((await up.tapedeck('list', '--from', 'yesterday')).stderr), 'invalid')
})

for (const args of [
  ['list', '--limit', '0'],
  ['list', '--limit', 'many'],
  ['play', unknown, '--speed', '64'],
  ['play', unknown, '--idle', '-1'],
  ['show'],
  ['delete'],
  ['nothing'],
  ['list', '--nothing'],
])
  test(`a wrong command line ends with 2: ${args.join(' ')}`, async (t) => {
    const { status, stderr, stdout } = await t.context.up.tapedeck(...args)
    t.is(status, 2)
    t.regex(stderr, /^error: /)
    t.is(stdout.length, 0)
  })

test('help is no error', async (t) => {
  const { status, stdout } = await t.context.up.tapedeck('list', '--help')
  t.is(status, 0)
  t.regex(stdout.toString(), /Usage: tapedeck list/)
})

for (const [verb, ...args] of [['show'], ['export'], ['verify'], ['delete', '--force']])
  test(`${verb} of an unknown recording says so`, async (t) => {
    const { status, stderr } = await t.context.up.tapedeck(verb!, unknown, ...args)
    t.is(code(stderr), 'not-found')
    t.is(status, verb === 'verify' ? 2 : 1)
  })

for (const verb of ['export', 'verify'])
  test(`${verb} of what is neither a recording nor a file says so`, async (t) => {
    const { status, stderr } = await t.context.up.tapedeck(verb, 'no-such-thing')
    t.is(code(stderr), 'file')
    t.is(status, 2)
    t.is(code((await t.context.up.tapedeck(verb, t.context.work)).stderr), 'file')
  })

test('a server is named by --server, --token-file and --ca, from any folder', async (t) => {
  const { up, work } = t.context
  const nowhere = join(work, 'no-home')
  await symlink(join(up.home, 'node', 'tls.crt'), join(work, 'ca.pem'))
  await symlink(join(up.home, 'client.token'), join(work, 'token'))
  const list = (...args: string[]) =>
    run('sh', [
      '-c',
      'cd "$1" && shift && exec "$@"',
      'sh',
      work,
      ...up.recordCommand()[0]!.split(' '),
      'list',
      '--home',
      nowhere,
      ...args,
    ])
  const named = ['--server', up.url, '--token-file', 'token', '--ca', 'ca.pem']
  t.is((await list(...named)).status, 0)
  t.is(code((await list()).stderr), 'no-server')
  t.is(code((await list('--server', up.url, '--ca', 'ca.pem')).stderr), 'no-token')
  t.is(code((await list('--server', up.url, '--token-file', 'token')).stderr), 'certificate')
  t.is(code((await list('--server', up.url, '--token-file', 'absent')).stderr), 'file')
  t.is(code((await list('--server', 'localhost:8443', '--token-file', 'token')).stderr), 'server')
  t.is(code((await list('--server', 'http://localhost:1', '--token-file', 'token')).stderr), 'server')
  t.is(code((await list('--server', 'https://localhost:1', '--token-file', 'token')).stderr), 'unreachable')
  await writeFile(join(work, 'wrong'), 'not-a-token')
  const wrong = await list('--server', up.url, '--token-file', 'wrong', '--ca', 'ca.pem')
  t.is(code(wrong.stderr), 'not-signed-in')
  t.regex(wrong.stderr, /TAPEDECK_TOKEN and --token-file/)
})

test('a server that speaks something else is not waited for', async (t) => {
  const { up } = t.context
  const server = createServer((socket) => socket.end('hello\n'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const token = join(up.home, 'client.token')
  const { stderr } = await up.tapedeck('list', '--server', `https://127.0.0.1:${port}`, '--token-file', token)
  t.is(code(stderr), 'unreachable')
})

test('export writes the same to a file and a pipe, of an id and of a file', async (t) => {
  const { up, id, work } = t.context
  const piped = (await up.tapedeck('export', id)).stdout
  const out = join(work, 'out.cast')
  t.is((await up.tapedeck('export', id, '--out', out)).status, 0)
  t.deepEqual(await readFile(out), piped)
  t.is((await stat(out)).mode & 0o777, 0o600)
  t.deepEqual((await up.tapedeck('export', storedFile(t.context))).stdout, piped)
  t.is((await up.tapedeck('export', id, '--out', '/dev/null')).status, 0)
  t.true((await stat('/dev/null')).isCharacterDevice())
  t.false((await readdir(work)).some((name) => name.endsWith('.part')))
})

test('an export that fails leaves what was there', async (t) => {
  const { up, id, work } = t.context
  const out = join(work, 'kept.cast')
  await writeFile(out, 'kept')
  t.is(code((await up.tapedeck('export', unknown, '--out', out)).stderr), 'not-found')
  const broken = join(work, 'broken.cast.zst')
  await writeFile(
    broken,
    Buffer.concat([(await readFile(storedFile(t.context))).subarray(0, 2500), Buffer.alloc(99, 7)]),
  )
  t.is((await up.tapedeck('export', broken, '--out', out)).status, 1)
  t.is(await readFile(out, 'utf8'), 'kept')
  t.is(code((await up.tapedeck('export', id, '--out', join(work, 'absent', 'x'))).stderr), 'file')
  t.is(code((await up.tapedeck('export', id, '--out', work)).stderr), 'file')
  t.false((await readdir(work)).some((name) => name.endsWith('.part')))
})

test('a reader that has enough ends an export quietly', async (t) => {
  const { up, id } = t.context
  const tapedeck = up.recordCommand()[0]!
  const script = `"$1" export --home "$2" "$3" | head -c 10; echo; echo "$?"`
  const { stdout, stderr } = await run('bash', [
    '-o',
    'pipefail',
    '-c',
    script,
    'bash',
    tapedeck,
    up.home,
    id,
  ])
  t.is(stdout.toString(), '{"version"\n0\n')
  t.is(stderr, '')
})

test('verify tells whole, cut, changed and foreign files apart', async (t) => {
  const { up, id, work } = t.context
  const stored = storedFile(t.context)
  const whole = await up.tapedeck('verify', stored)
  t.is(whole.status, 0)
  t.regex(whole.stdout.toString(), /signed by +\S+ \(agent .*\nWHOLE: /s)
  t.is((await up.tapedeck('verify', id)).status, 0)
  const bytes = await readFile(stored)
  const file = join(work, 'changed.cast.zst')
  const says = async (content: Uint8Array, ...args: string[]) => {
    await writeFile(file, content)
    const { status, stdout } = await up.tapedeck('verify', file, '--json', ...args)
    return { status, report: JSON.parse(stdout.toString()) }
  }
  const cut = await says(bytes.subarray(0, bytes.length - 400))
  t.is(cut.status, 1)
  t.is(cut.report.end, undefined)
  const changed = Buffer.from(bytes)
  changed[Math.floor(bytes.length / 2)]! ^= 1
  const flipped = await says(changed)
  t.is(flipped.status, 1)
  t.true(flipped.report.problems.length > 0)
  t.is((await says(Buffer.from('no recording at all'))).status, 1)
  t.is((await says(Buffer.alloc(0))).status, 1)

  const other = join(work, 'other.pub')
  await run('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', join(work, 'other.key')])
  await run('openssl', ['pkey', '-in', join(work, 'other.key'), '-pubout', '-out', other])
  const foreign = await says(bytes, '--farm-key', other)
  t.is(foreign.status, 1)
  const unproven = await up.tapedeck('verify', file, '--farm-key', other)
  t.regex(unproven.stdout.toString(), /signed by +nobody that this farm knows/)
  const absent = await up.tapedeck('verify', file, '--farm-key', join(work, 'absent.pub'))
  t.is(code(absent.stderr), 'farm-key')
  t.is(absent.status, 2)
})

test('import goes on after a file that is refused, and says which', async (t) => {
  const { up, work } = t.context
  const good = join(work, 'good.cast')
  await writeFile(good, '{"version":2,"width":80,"height":24}\n[0.5,"o","imported\\r\\n"]\n')
  const bad = join(work, 'bad\u001b[2J.cast')
  await writeFile(bad, 'not a recording\n')
  const { status, stdout, stderr } = await up.tapedeck(
    'import',
    good,
    bad,
    join(work, 'absent'),
    work,
    storedFile(t.context),
  )
  t.is(status, 1)
  const [first, ...more] = stdout.toString().trim().split('\n')
  t.regex(first!, /^[0-9a-f-]{36} {2}\S+good\.cast$/)
  t.deepEqual(more, [])
  t.regex(stderr, /bad\\u001b\[2J\.cast was not imported: .* \[cast-header\]\n/)
  t.regex(stderr, /absent was not imported: .* \[file\]\n/)
  t.regex(stderr, /4 of 5 files were not imported\. \[import\]/)

  const id = first!.slice(0, 36)
  t.regex((await up.tapedeck('export', id)).stdout.toString(), /\[0\.500000, "o", "imported\\r\\n"\]/)
  t.is((await up.tapedeck('verify', id)).status, 0)
  const deleted = await up.tapedeck('delete', id, '--force', '--json')
  t.is(deleted.stdout.toString(), `{"id":"${id}","deleted":true}\n`)
  t.is(code((await up.tapedeck('show', id)).stderr), 'not-found')
})

const shared = new URL('../../../shared/data/asciicast/', import.meta.url)
if (!existsSync(shared)) console.log(`asciicast files of others are not here (${shared.pathname})`)
else
  test('files of others are imported where they are good, refused with a code where they are not', async (t) => {
    const { up } = t.context
    const names = (await readdir(shared)).filter((name) => /^v[123]-/.test(name))
    const { stdout, stderr } = await up.tapedeck(
      'import',
      ...names.map((name) => new URL(name, shared).pathname),
    )
    const taken = stdout.toString().trim().split('\n')
    const refused = stderr.split('\n').filter((line) => line.includes('was not imported: '))
    t.is(taken.length + refused.length, names.length)
    for (const line of refused)
      t.regex(line, /-(broken|wrong|invalid)\S* was not imported: .* \[cast-[a-z-]+\]$/)
    for (const line of taken) t.notRegex(line, /-(broken|wrong|invalid-(code|data|resize|time))/)
    t.is((await up.tapedeck('delete', '--force', ...taken.map((line) => line.slice(0, 36)))).status, 0)
  })

test('delete asks, on the terminal only', async (t) => {
  const { up, work } = t.context
  const file = join(work, 'victim.cast')
  await writeFile(file, '{"version":2,"width":80,"height":24}\n[0.5,"o","x"]\n')
  const id = (await up.tapedeck('import', file)).stdout.toString().slice(0, 36)
  const alone = await up.tapedeck('delete', id)
  t.is(code(alone.stderr), 'confirm')
  t.is(alone.status, 2)
  for (const [answer, state] of [
    ['n', 0],
    ['y', 1],
  ] as const) {
    const [program] = up.recordCommand()
    const pty = openPty([program!, 'delete', '--home', up.home, id])
    t.teardown(pty.kill)
    await pty.waitFor('It cannot be undone. [y/N]')
    pty.write(`${answer}\r`)
    t.is(await pty.exit, 0)
    t.is((await up.tapedeck('show', id)).status, state)
  }
})

test('long work shows how far it is, on a terminal only, and takes the line away', async (t) => {
  const { up, work } = t.context
  const fifo = join(work, 'slow')
  await run('mkfifo', [fifo])
  const [program] = up.recordCommand()
  const pty = openPty([program!, 'verify', '--home', up.home, fifo])
  t.teardown(pty.kill)
  const feeding = await open(fifo, 'w')
  const bytes = await readFile(storedFile(t.context))
  await feeding.write(bytes.subarray(0, 1000))
  await pty.waitFor('verifying  1.0 kB')
  await feeding.write(bytes.subarray(1000))
  await feeding.close()
  t.is(await pty.exit, 0)
  t.regex(pty.output().toString(), /\r\u001b\[Krecording /)
})

test('status shows the queue, the connection and live sessions', async (t) => {
  const { up } = t.context
  const text = (await up.tapedeck('status')).stdout.toString()
  t.regex(text, /connection +connected to \S+\nqueue +0 B in 0 messages\nsessions +\d+/)
  const { connection } = await up.json<{ connection: { state: string } }>('status')
  t.is(connection.state, 'connected')
  t.is(code((await run(up.recordCommand()[0]!, ['status', '--home', '/nonexistent'])).stderr), 'no-agent')
})
