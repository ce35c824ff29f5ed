import { randomFillSync } from 'node:crypto'
import { link, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { recordingPath } from '../../format/recording-id.ts'
import { eventually } from '../helpers/eventually.ts'
import { openPty } from '../helpers/pty.ts'
import { difference, exportedOutput, printed, recorded, recordingOf } from '../helpers/recorded.ts'
import { run, startUp, type Up } from '../helpers/up.ts'

// Real programs in a recorded shell: what the recording has, what `script` printed and what its log held are the same.

const test = anyTest as TestFn<{ up: Up; work: string }>

test.before(async (t) => {
  t.context = { up: await startUp(), work: await mkdtemp(join(tmpdir(), 'tapedeck-work-')) }
})
test.after.always(async (t) => {
  await t.context.up?.stop()
  await rm(t.context.work, { recursive: true, force: true })
})

const storedFile = (up: Up, id: string) =>
  join(up.home, 'node', 'recordings', `${recordingPath(id)}.cast.zst`)

/** The recorder's log of the only session, kept under a second name: the agent removes the first. */
async function keepLog(up: Up): Promise<{ read(): Promise<Buffer>; remove(): Promise<void> }> {
  const runFolder = await realpath(join(up.home, 'agent', 'run'))
  const session = await eventually(async () => {
    const [name, ...more] = await readdir(runFolder)
    if (!name || more.length > 0) throw new Error('not one session')
    return name
  })
  const kept = join(dirname(runFolder), `tapedeck-test-${session}`)
  await link(join(runFolder, session, 'out'), kept)
  return { read: () => readFile(kept), remove: () => rm(kept, { force: true }) }
}

test.serial('vim, top, htop, cut and broken UTF-8 and resizes: byte for byte what was printed', async (t) => {
  const { up, work } = t.context
  await writeFile(join(work, 'rc'), "PS1='ready> '\n")
  const command = ['bash', '--noprofile', '--rcfile', 'rc']
  const pty = openPty(up.recordCommand(...command), { cwd: work })
  t.teardown(pty.kill)
  await pty.waitFor('ready> ')
  const log = await keepLog(up)
  t.teardown(log.remove)
  const type = async (line: string) => {
    pty.write(`${line}\r`)
    await pty.waitFor('ready> ')
  }

  await type(
    "printf 'cut:\\xe2'; sleep 0.05; printf '\\x82'; sleep 0.05; printf '\\xac|\\xf0\\x9f'; sleep 0.05; printf '\\x8e\\x9e\\n'",
  )
  await type("printf 'broken:\\xff\\xfe\\x80 \\xc3( \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xe2\\x82\\n'")
  await type('head -c 20000 /dev/urandom')

  for (const [columns, rows] of [
    [132, 50],
    [20, 5],
    [80, 24],
  ] as const) {
    pty.resize(columns, rows)
    pty.write('stty size\r')
    await pty.waitFor(`${rows} ${columns}\r\n`)
    await pty.waitFor('ready> ')
  }

  pty.write('vim.tiny -u NONE notes.txt\r')
  await pty.waitFor('notes.txt')
  pty.write('ihello from vim\r日本語\u001b')
  pty.resize(100, 30)
  await pty.waitFor('日本語')
  pty.write(':wq\r')
  await pty.waitFor('ready> ')
  t.is(await readFile(join(work, 'notes.txt'), 'utf8'), 'hello from vim\n日本語\n')

  await type('top -d 0.2 -n 5')
  pty.write('htop -d 1\r')
  await pty.waitFor('Help')
  pty.resize(90, 40)
  const before = pty.output().length
  await eventually(() => {
    if (pty.output().length < before + 4000) throw new Error('htop does not draw')
  })
  pty.write('q')
  await pty.waitFor('ready> ')
  pty.write('exit 7\r')
  t.is(await pty.exit, 7)

  const row = await recordingOf(up, command.join(' '))
  t.is(row.exit, 7)
  t.is(row.gaps, 0)
  const exact = await up.tapedeck('export', row.id, '--exact')
  const { output, sizes } = recorded(exact.stdout)
  t.is(difference(output, printed(pty)), undefined)
  t.deepEqual(sizes, ['132x50', '20x5', '80x24', '100x30', '90x40'])

  const held = await log.read()
  const body = held.subarray(held.indexOf(10) + 1, held.lastIndexOf('\nScript done on '))
  t.is(difference(output, body), undefined)
  t.is((await up.tapedeck('verify', row.id)).status, 0)
  t.is((await up.tapedeck('verify', storedFile(up, row.id))).status, 0)
})

test.serial('30 MB of cat, and what Debian has reads it', async (t) => {
  const { up, work } = t.context
  const text = Buffer.from('a line of plain text, žluťoučký, 日本語, 🎞️\n'.repeat(16_000))
  const parts = Array.from({ length: 40 }, (_, i) =>
    i % 8 === 7 ? randomFillSync(Buffer.alloc(500_000)) : text,
  )
  const big = Buffer.concat(parts)
  t.true(big.length >= 30_000_000)
  await writeFile(join(work, 'big'), big)
  const pty = openPty(up.recordCommand('cat', 'big'), { cwd: work })
  t.is(await pty.exit, 0)
  const row = await recordingOf(up, 'cat big')
  t.is(difference(await exportedOutput(up, row.id), printed(pty)), undefined)
  t.is((await up.tapedeck('verify', row.id)).status, 0)

  // asciinema 2 wants a terminal to read keys from.
  const out = join(work, 'cat.out')
  const reader = openPty(['sh', '-c', `zstdcat ${storedFile(up, row.id)} | asciinema cat - >${out}`])
  t.is(await reader.exit, 0, reader.output().toString())
  t.is(difference(await readFile(out), printed(pty)), undefined)
})

test.serial('strict readers take the export that is not exact', async (t) => {
  const { up, work } = t.context
  const bytes = '\\377\\376 \\342\\202 \\355\\240\\200 ok'
  const pty = openPty(up.recordCommand('printf', bytes), { cwd: work })
  t.is(await pty.exit, 0)
  const row = await recordingOf(up, `printf ${bytes}`)
  const strict = join(work, 'strict.cast')
  t.is((await up.tapedeck('export', row.id, '--out', strict)).status, 0)
  const lines = (await readFile(strict, 'utf8')).trimEnd().split('\n')
  t.true(lines.every((line) => JSON.stringify(JSON.parse(line)).isWellFormed() && !/\\ud[89a-f]/i.test(line)))
  const read =
    'import json,sys\nfor line in open(sys.argv[1], encoding="utf-8"): json.dumps(json.loads(line), ensure_ascii=False).encode("utf-8")'
  const python = await run('python3', ['-c', read, strict])
  t.is(python.status, 0, python.stderr)
  const shown = join(work, 'strict.out')
  const reader = openPty(['sh', '-c', `asciinema cat ${strict} >${shown}`])
  t.is(await reader.exit, 0, reader.output().toString())
  t.regex(await readFile(shown, 'utf8'), /^\ufffd\ufffd \ufffd.* ok$/)
})
