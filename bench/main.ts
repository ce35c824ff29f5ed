import { argv, stdout } from 'node:process'

// npm run bench -- NAME [--json] [--quick]: prints a table of figures; with --json its last line is one object. --quick makes
// a bench that knows it shorter, to see that it runs: its figures mean little.

/** A key, its value, and the bar it should meet. */
export interface Figure {
  key: string
  value: number
  bar?: { atMost: number } | { atLeast: number }
  about: string
}

export interface BenchOptions {
  quick: boolean
}

const benches: Record<string, () => Promise<{ run(options: BenchOptions): Promise<Figure[]> }>> = {
  capture: () => import('./capture.ts'),
  live: () => import('./live.ts'),
  size: () => import('./size.ts'),
  ingest: () => import('./ingest.ts'),
  catalog: () => import('./catalog.ts'),
  desktop: () => import('./desktop.ts'),
  index: () => import('./index.ts'),
  seek: () => import('./seek.ts'),
  login: () => import('./login.ts'),
  host: () => import('./host.ts'),
  failover: () => import('./failover.ts'),
  farm: () => import('./farm.ts'),
}

const name = argv.slice(2).find((argument) => !argument.startsWith('-')) ?? ''
const load = benches[name]
if (!load) {
  console.error(`Name one of ${Object.keys(benches).join(', ')}: npm run bench -- NAME [--json]`)
  process.exit(2)
}
const figures = await (await load()).run({ quick: argv.includes('--quick') })
const rows = figures.map(({ key, value, bar, about }) => [
  key,
  number(value),
  bar ? verdict(value, bar) : '',
  about,
])
const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i]!.length)))
for (const row of rows)
  stdout.write(`${row.map((cell, i) => (i < 3 ? cell.padEnd(widths[i]!) : cell)).join('  ')}\n`)
if (argv.includes('--json'))
  stdout.write(
    `${JSON.stringify({ bench: name, figures: Object.fromEntries(figures.map(({ key, value }) => [key, value])) })}\n`,
  )
process.exit(0)

function verdict(value: number, bar: NonNullable<Figure['bar']>): string {
  if ('atMost' in bar) return `${value <= bar.atMost ? 'meets' : 'MISSES'} <= ${bar.atMost}`
  return `${value >= bar.atLeast ? 'meets' : 'MISSES'} >= ${bar.atLeast}`
}

function number(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
