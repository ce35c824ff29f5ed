import type { TimelineEvent } from '../format/timeline.ts'
import { randomNumbers } from './random-numbers.ts'

// Output of a terminal as sessions have it, from a seed: builds, listings, sources, searches, full-screen programs, progress.

const esc = '\u001b'
const words =
  'kernel driver static const return module config socket buffer update remote branch commit merge release version package install service request handler stream index table column query result cache'.split(
    ' ',
  )
const folders = [
  'src',
  'lib',
  'test',
  'drivers/net',
  'fs/ext4',
  'include/linux',
  'web/player',
  'node_modules/.bin',
]
const endings = ['.c', '.h', '.ts', '.md', '.json', '.o', '.txt', '.rs']
/** What one read of a busy pseudo terminal gives. */
const chunkCharacters = { least: 200, most: 4095 }
const columns = 120
const rows = 32

type Random = () => number

/** Events of a session of `lengthUs` whose output has `bytes` bytes: bursts with pauses between, in order of time. */
export function* terminalEvents(options: {
  seed: number
  bytes: number
  lengthUs: number
}): Generator<TimelineEvent> {
  const random = randomNumbers(options.seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const kinds = [build, listing, source, search, fullScreen, edit, progress]
  let written = 0
  while (written < options.bytes) {
    // Commands put out from a line to megabytes.
    const text = `${esc}[1;32mada@ward-7${esc}[0m:${esc}[1;34m~/work${esc}[0m$ ${word(random)}\r\n`
    const wanted = Math.min(options.bytes - written, Math.floor(200 * 20_000 ** random()))
    const output = text + pick(kinds)(random, wanted)
    const startUs = (options.lengthUs * written) / options.bytes
    const spanUs = ((options.lengthUs * output.length) / options.bytes) * (0.1 + random() * 0.6)
    for (let at = 0; at < output.length; ) {
      const size = Math.floor(
        chunkCharacters.least + random() * (chunkCharacters.most - chunkCharacters.least),
      )
      const data = output.slice(at, at + size)
      yield { timeUs: Math.floor(startUs + (spanUs * at) / output.length), code: 'o', data }
      at += size
    }
    written += output.length
  }
}

function word(random: Random): string {
  return words[Math.floor(random() * words.length)]!
}

function path(random: Random): string {
  const folder = folders[Math.floor(random() * folders.length)]!
  return `${folder}/${word(random)}_${word(random)}${endings[Math.floor(random() * endings.length)]!}`
}

function repeat(bytes: number, line: () => string): string {
  const lines: string[] = []
  for (let size = 0; size < bytes; ) {
    const next = line()
    lines.push(next)
    size += next.length
  }
  return lines.join('')
}

function build(random: Random, bytes: number): string {
  return repeat(bytes, () => {
    if (random() < 0.03)
      return `${esc}[1m${path(random)}:${Math.floor(random() * 900)}:7: ${esc}[35mwarning: ${esc}[0munused ${word(random)} '${word(random)}' [${esc}[35m-Wunused${esc}[0m]\r\n`
    return `  CC [M]  ${path(random)}\r\n`
  })
}

function listing(random: Random, bytes: number): string {
  return repeat(bytes, () => {
    const size = String(Math.floor(random() ** 4 * 9_000_000)).padStart(8)
    const [colour, name] = random() < 0.2 ? ['1;34', word(random)] : ['0', `${word(random)}${endings[2]}`]
    return `-rw-r--r-- 1 ada staff ${size} Mar ${1 + Math.floor(random() * 28)} 12:${10 + Math.floor(random() * 50)} ${esc}[${colour}m${name}${esc}[0m\r\n`
  })
}

function source(random: Random, bytes: number): string {
  return repeat(bytes, () => {
    const indent = '  '.repeat(Math.floor(random() * 5))
    const count = Math.floor(random() * 9)
    return `${indent}${Array.from({ length: count }, () => word(random)).join(random() < 0.3 ? '(' : ' ')};\r\n`
  })
}

function search(random: Random, bytes: number): string {
  return repeat(
    bytes,
    () =>
      `${esc}[35m${path(random)}${esc}[36m:${esc}[32m${Math.floor(random() * 2000)}${esc}[36m:${esc}[0m  ${word(random)} ${esc}[1;31m${word(random)}${esc}[0m ${word(random)} ${word(random)}\r\n`,
  )
}

// As top draws: the whole screen again and again, from its top.
function fullScreen(random: Random, bytes: number): string {
  const pictures = repeat(bytes, () => {
    const lines = Array.from({ length: rows - 2 }, () => {
      const numbers = `${Math.floor(random() * 99_999)} ada 20 0 ${Math.floor(random() * 9e6)} ${Math.floor(random() * 9e5)} S ${(random() * 99).toFixed(1)} ${(random() * 9).toFixed(1)}`
      return `${numbers.padEnd(60)} ${word(random)}${esc}[K`
    })
    return `${esc}[H${esc}[7m  PID USER PR NI VIRT RES S %CPU %MEM COMMAND${' '.repeat(columns - 48)}${esc}[0m\r\n${lines.join('\r\n')}`
  })
  return `${esc}[?1049h${esc}[?25l${pictures}${esc}[?25h${esc}[?1049l`
}

// As an editor: jumps, coloured words, line and column in the corner.
function edit(random: Random, bytes: number): string {
  const moves = repeat(bytes, () => {
    const row = 1 + Math.floor(random() * (rows - 2))
    return `${esc}[${row};${1 + Math.floor(random() * 60)}H${esc}[38;5;${Math.floor(random() * 255)}m${word(random)}${esc}[m ${word(random)}${esc}[K${esc}[${rows};${columns - 18}H${row},${Math.floor(random() * 80)}${esc}[${row};8H`
  })
  return `${esc}[?1049h${esc}[2J${moves}${esc}[?1049l`
}

function progress(random: Random, bytes: number): string {
  let share = 0
  return repeat(bytes, () => {
    share = (share + random() * 2) % 100
    const full = Math.floor(share / 2)
    return `\r${word(random).padEnd(10)} ${'█'.repeat(full)}${'░'.repeat(50 - full)} ${share.toFixed(1)}% ${(random() * 90).toFixed(1)} MB/s`
  })
}
