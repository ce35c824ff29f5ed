import { chown, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { readSessionFile } from '../../../agent/capture/session-file.ts'
import { openPty } from '../../helpers/pty.ts'
import { smallDisk } from '../../helpers/small-disk.ts'
import { temporaryFolder } from '../../helpers/test-node.ts'
import { run } from '../../helpers/up.ts'
import { isRoot, onTerminal, record, recorded, recordSh, sessionsOf } from './record-session.ts'

// record.sh by itself, without an agent: the session is as it would be unrecorded, and its logs have what it showed.

test('the exit status is the command’s', async (t) => {
  for (const [script, status] of [
    ['exit 0', 0],
    ['exit 7', 7],
    ['kill -9 $$', 137],
    ['kill -15 $$', 143],
  ] as const) {
    const session = await record(t, ['sh', '-c', script])
    t.is(session.status, status)
    t.like(session.exit, { code: status })
  }
  t.is((await record(t, ['/no/such/program'])).status, 127)
})

test('the words arrive as they are, whatever is in them', async (t) => {
  const bytes = Array.from({ length: 255 }, (_, i) => i + 1).filter((byte) => byte !== 10 && byte < 128)
  const words = [
    "a'b",
    '',
    ' ',
    'new\nline',
    '\n',
    'é語🎉',
    '$HOME `id` "x" \\',
    '-n',
    '--',
    '*',
    "'''",
    String.fromCharCode(...bytes),
  ]
  const out = join(await temporaryFolder(t), 'words')
  const session = await record(t, [
    'sh',
    '-c',
    'out=$1; shift; printf "%s\\0" "$@" >"$out"',
    'sh',
    out,
    ...words,
  ])
  t.is(session.status, 0)
  t.deepEqual((await readFile(out, 'utf8')).split('\0').slice(0, -1), words)
  const { facts } = (await readSessionFile(session.dir))!
  t.is(facts.application, 'sh')
  t.true(facts.command.startsWith('sh -c out=$1; shift'))
})

test('the environment arrives as it is: no name of the recorder’s own is in it', async (t) => {
  const env = {
    dir: 'mine',
    home: 'x',
    run: 'y',
    size: '5',
    out: 'z',
    shell: 'q',
    quoted: 'w',
    session: 's',
    stat: 't',
    SHELL: '/bin/bash',
    ODD: "a'b\nc",
    TERM: 'screen.xterm-256color',
  }
  const out = join(await temporaryFolder(t), 'env')
  await record(t, ['sh', '-c', `env -0 >${out}`], { env })
  const seen = new Map(
    (await readFile(out, 'utf8'))
      .split('\0')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
  for (const [name, value] of Object.entries(env)) t.is(seen.get(name), value, name)
  t.deepEqual(
    [...seen.keys()].filter((name) => name.startsWith('TAPEDECK')),
    [],
  )
})

test('without SHELL, without TERM, and with a TERM that no terminal has', async (t) => {
  const out = join(await temporaryFolder(t), 'env')
  const bare = ['env', '-u', 'SHELL', '-u', 'TERM', 'sh', recordSh]
  const home = await temporaryFolder(t)
  const pty = openPty([
    ...bare,
    '--home',
    home,
    '--',
    'sh',
    '-c',
    `echo "\${SHELL-unset} \${TERM-unset}" >${out}`,
  ])
  t.is(await pty.exit, 0)
  t.is(await readFile(out, 'utf8'), 'unset unset\n')
  const session = await record(t, ['sh', '-c', 'echo "[$TERM]"'], { env: { TERM: 'x\npid=1\n' } })
  t.is(session.output, '[dumb]\r\n')
  t.is((await readSessionFile(session.dir))!.facts.term, 'dumb')
})

test('twenty thousand words, and one of 120 KB of quotes', async (t) => {
  const many = await record(t, [
    'sh',
    '-c',
    'echo $#',
    'sh',
    ...Array.from({ length: 20_000 }, (_, i) => String(i)),
  ])
  t.is(many.output, '20000\r\n')
  const long = await record(t, ['sh', '-c', 'printf %s "$1" | wc -c', 'sh', "'".repeat(120_000)])
  t.is(long.output.trim(), '120000')
})

test('a megabyte of environment', async (t) => {
  const env = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`BIG_${i}`, "x'y ".repeat(25_000)]))
  const session = await record(t, ['sh', '-c', 'printf %s "$BIG_0$BIG_9" | wc -c'], { env })
  t.is(session.output.trim(), '200000')
})

test('what the terminal shows is what is logged, to the byte', async (t) => {
  const session = await record(t, [
    'sh',
    '-c',
    'seq 1 3000; printf "\\377\\303\\251\\303"; printf "\\033[2J"',
  ])
  const at = session.printed.indexOf('1\r\n2\r\n')
  t.is(session.output, session.printed.slice(at))
  t.false(session.hole)
})

test('resizes reach the program and the log', async (t) => {
  const home = await temporaryFolder(t)
  const wait = 'stty size; until [ "$(stty size)" = "33 101" ]; do sleep 0.05; done; echo resized'
  const pty = onTerminal(t, ['sh', recordSh, '--home', home, '--', 'sh', '-c', wait])
  await pty.waitFor('24 80')
  pty.resize(101, 33)
  await pty.waitFor('resized')
  t.is(await pty.exit, 0)
  const [dir] = await sessionsOf(home)
  const sizes = recorded(dir!).items.flatMap((item) =>
    item.kind === 'resize' ? [[item.columns, item.rows]] : [],
  )
  t.deepEqual(sizes, [[101, 33]])
  t.like((await readSessionFile(dir!))!.facts, { columns: 80, rows: 24 })
})

test('without a terminal: input and output are pipes', async (t) => {
  const home = await temporaryFolder(t)
  const { status, stdout } = await run(
    'sh',
    [recordSh, '--home', home, '--', 'sh', '-c', 'stty size; read a; read b; echo "<$a|$b>"; exit 5'],
    { input: Buffer.from('one\ntwo\n') },
  )
  t.is(status, 5)
  t.true(stdout.toString().includes('<one|two>'), stdout.toString())
  t.true(stdout.toString().includes('24 80'), stdout.toString())
  const empty = await run('sh', [recordSh, '--home', home, '--', 'cat'])
  t.is(empty.status, 0)
})

test('recorded within a recording, into another home', async (t) => {
  const inner = await temporaryFolder(t)
  const outer = await record(t, ['sh', recordSh, '--home', inner, '--', 'sh', '-c', 'echo deep; exit 6'])
  t.is(outer.status, 6)
  t.true(outer.output.includes('deep'))
  const [dir] = await sessionsOf(inner)
  t.is(recorded(dir!).output, 'deep\r\n')
  t.is((await readSessionFile(dir!))!.facts.command, 'sh -c echo deep; exit 6')
})

test('the folder is for its user alone, and the announcement comes last', async (t) => {
  const session = await record(t, ['sh', '-c', `ls -ld "$PWD"; umask`], {
    env: { TAPEDECK_HOME: '/nowhere' },
  })
  const { stat } = await import('node:fs/promises')
  t.is((await stat(session.dir)).mode & 0o777, 0o700)
  t.is((await stat(join(session.home, 'agent', 'run'))).mode & 0o777, 0o700)
  t.deepEqual((await readdir(session.dir)).sort(), ['command', 'out', 'session', 'start', 'timing'])
})

test('a home that cannot be used is said, with status 2, and nothing is left', async (t) => {
  const home = await temporaryFolder(t)
  const tell = (...args: string[]) => run('sh', [recordSh, ...args, '--', 'echo', 'ran'])
  await writeFile(join(home, 'file'), '')
  const noFolder = await tell('--home', join(home, 'file'))
  t.like(noFolder, { status: 2 })
  t.regex(noFolder.stderr, /cannot make .*file\/agent\/run/)
  t.is(noFolder.stdout.toString(), '')

  t.like(await run('sh', [recordSh, '--colour', 'x']), { status: 2 })
  t.like(await run('sh', [recordSh, '--home']), { status: 2 })
  t.like(await run('sh', [recordSh, '--help']), { status: 0 })

  const disk = smallDisk(t, 8)
  if (disk) {
    await mkdir(join(disk, 'agent', 'run'), { recursive: true, mode: 0o700 })
    await writeFile(join(disk, 'ballast'), new Uint8Array(8192)).catch(() => undefined)
    const full = await tell('--home', disk)
    t.like(full, { status: 2 })
    t.regex(full.stderr, /disk full|cannot/)
    t.deepEqual(await readdir(join(disk, 'agent', 'run')), [])
  }
  if (!isRoot) return
  await mkdir(join(home, 'agent', 'run'), { recursive: true, mode: 0o700 })
  await chown(join(home, 'agent', 'run'), 65_534, 65_534)
  const foreign = await tell('--home', home)
  t.like(foreign, { status: 2 })
  t.regex(foreign.stderr, /belongs to somebody else/)
  const other = await run('setpriv', [
    '--reuid',
    '65534',
    '--regid',
    '65534',
    '--clear-groups',
    'sh',
    recordSh,
    '--home',
    join(home, 'closed'),
    '--',
    'true',
  ])
  t.like(other, { status: 2 })
})

test('a link that a reboot has emptied is filled again', async (t) => {
  const home = await temporaryFolder(t)
  await mkdir(join(home, 'agent'))
  await symlink(join(home, 'memory'), join(home, 'agent', 'run'))
  const ptys = [1, 2, 3].map(() => onTerminal(t, ['sh', recordSh, '--home', home, '--', 'true']))
  t.deepEqual(await Promise.all(ptys.map((pty) => pty.exit)), [0, 0, 0])
  t.is((await readdir(join(home, 'memory'))).length, 3)
})
