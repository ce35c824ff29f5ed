import { fileURLToPath } from 'node:url'
import test from 'ava'
import { run } from '../helpers/up.ts'

const main = fileURLToPath(new URL('../../bench/main.ts', import.meta.url))
const bench = (...args: string[]) =>
  run(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args])

test('every bench that is named can be loaded', async (t) => {
  const { status, stderr } = await bench()
  t.is(status, 2)
  const names = /^Name one of (.+): npm/.exec(stderr)![1]!.split(', ')
  t.true(names.includes('size'))
  for (const name of names) t.is(typeof (await import(`../../bench/${name}.ts`)).run, 'function', name)
})

test('the last line with --json has the figures', async (t) => {
  const { status, stdout, stderr } = await bench('size', '--quick', '--json')
  t.is(status, 0, stderr)
  const line = stdout.toString().trimEnd().split('\n').at(-1)!
  const { bench: name, figures } = JSON.parse(line)
  t.is(name, 'size')
  t.deepEqual(Object.keys(figures), ['vs_oneshot_zstd', 'kb_per_minute'])
  for (const figure of Object.values(figures)) t.true(Number.isFinite(figure) && (figure as number) > 0)
})
