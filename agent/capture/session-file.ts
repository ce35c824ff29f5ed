import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Facts } from '../../format/records.ts'

// What record.sh says about a session: `session`, lines of key=value, and `command`, the text as it was given.

export interface RecordedSession {
  facts: Facts
  /** The recorder's process, and when it started in clock ticks: together they name it even when pids are used again. */
  pid: number
  ticks: string
  /** The kernel's boot id when it started. */
  boot: string
}

/** Facts lie in HEAD 0, which has room for 2 KiB of them. */
const commandCharactersMax = 1024
const groupsMax = 32
const nameCharactersMax = 64

/** `undefined` when the session is not announced yet, or by nobody we know. */
export async function readSessionFile(dir: string): Promise<RecordedSession | undefined> {
  let text: string
  try {
    text = await readFile(join(dir, 'session'), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const command = await readFile(join(dir, 'command'), 'utf8').catch(() => '')
  return parseSessionFile(text, command)
}

export function parseSessionFile(text: string, command: string): RecordedSession | undefined {
  const values = valuesOf(text)
  const pid = countOf(values, 'pid')
  const ticks = values.get('ticks')
  if (pid === 0 || !ticks) return undefined
  return { pid, ticks, boot: values.get('boot') ?? '', facts: factsOf(values, command) }
}

/** What a session says of itself before it is decided on: the same lines, without a recorder. */
export function parseAsk(text: string, command: string): { facts: Facts; tty: string } {
  const values = valuesOf(text)
  return { facts: factsOf(values, command), tty: values.get('tty') ?? '' }
}

function valuesOf(text: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const at = line.indexOf('=')
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1))
  }
  return values
}

function countOf(values: ReadonlyMap<string, string>, key: string): number {
  return Math.max(0, Math.min(Math.floor(Number(values.get(key)) || 0), Number.MAX_SAFE_INTEGER))
}

function factsOf(values: ReadonlyMap<string, string>, command: string): Facts {
  const name = (key: string) => (values.get(key) ?? '').slice(0, nameCharactersMax).toWellFormed()
  const count = (key: string) => countOf(values, key)
  return {
    session: name('session'),
    sequence: 0,
    user: name('user'),
    uid: count('uid'),
    groups: (values.get('groups') ?? '')
      .split(' ')
      .filter(Boolean)
      .slice(0, groupsMax)
      .map((group) => group.slice(0, 32)),
    host: name('host'),
    application: name('application'),
    command: command.slice(0, commandCharactersMax).toWellFormed(),
    client: { name: '', address: name('client') },
    type: values.get('kind') === 'command' ? 'command' : 'terminal',
    startedMs: count('started') || Date.now(),
    term: name('term'),
    columns: count('columns') || 80,
    rows: count('rows') || 24,
    notified: values.get('notified') !== 'no',
  }
}
