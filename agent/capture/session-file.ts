import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { utf8 } from '../../format/bytes.ts'
import type { Facts } from '../../format/records.ts'
import { groupNames } from './group-names.ts'
import type { ProcessName } from './process-name.ts'

// What a recorder says about a session: `session`, lines of key=value, and `command`, the text as it was given.

/** With the name of the recorder's process; a desktop's X server is its recorder. */
export interface RecordedSession extends ProcessName {
  facts: Facts
  /** The user's own terminal, behind the recorder. */
  tty?: string
  /** What moves files, where the session does nothing else: sftp, scp, rsync, git. */
  means?: string
}

/** Facts lie in HEAD 0, which has room for so much of them (FORMAT.md). */
const factsBytesMax = 2048
const commandCharactersMax = 1024
export const groupsMax = 32
const nameCharactersMax = 64
/** Of the session's own two files; record.sh writes less than 2 KiB beside the command. */
const sessionBytesMax = 64 * 1024
/** Of a command in the timeline: the kernel takes 2 MiB of arguments. */
const commandBytesMax = 256 * 1024

/** `undefined` when the session is not announced yet, or by nobody we know. */
export async function readSessionFile(dir: string): Promise<RecordedSession | undefined> {
  const text = await readStart(join(dir, 'session'), sessionBytesMax)
  if (text === undefined) return undefined
  const values = valuesOf(text)
  return sessionOf(values, await factsIn(dir, values))
}

/** The command as it was given; empty when nobody wrote it down. */
export async function readCommand(dir: string): Promise<string> {
  return (await readStart(join(dir, 'command'), commandBytesMax)) ?? ''
}

export function parseSessionFile(text: string, command: string): RecordedSession | undefined {
  const values = valuesOf(text)
  return sessionOf(values, factsOf(values, command))
}

function sessionOf(values: ReadonlyMap<string, string>, facts: Facts): RecordedSession | undefined {
  // Without a terminal the session lasts as long as somebody copies what passes.
  const keeper = values.has('keeper')
  const ticks = values.get(keeper ? 'keeperTicks' : 'ticks') ?? ''
  const pid = countOf(values, keeper ? 'keeper' : 'pid')
  if (pid === 0 || !/^\d{1,20}$/.test(ticks)) return undefined
  return {
    facts,
    pid,
    ticks,
    boot: nameOf(values.get('boot') ?? ''),
    tty: nameOf(values.get('tty') ?? ''),
    means: nameOf(values.get('means') ?? ''),
  }
}

/** What a session says of itself before it is decided on, `text`: the same lines, without a recorder. */
export async function readAsk(dir: string, text: string): Promise<{ facts: Facts; tty: string }> {
  const values = valuesOf(text)
  return { facts: await factsIn(dir, values), tty: nameOf(values.get('tty') ?? '') }
}

// Recorders start no program to tell what can be seen later: a session began when its command was written down, and
// groups have names.
async function factsIn(dir: string, values: Map<string, string>): Promise<Facts> {
  const { mtimeMs } = await stat(join(dir, 'command')).catch(() => ({ mtimeMs: Date.now() }))
  if (!values.has('started')) values.set('started', String(mtimeMs))
  const gids = [...new Set(values.get('gids')?.split(' '))].filter((gid) => /^\d{1,10}$/.test(gid))
  const groups = gids.length > 0 ? await groupNames(gids.slice(0, groupsMax)) : undefined
  return factsOf(values, await readCommand(dir), groups)
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

function factsOf(
  values: ReadonlyMap<string, string>,
  command: string,
  groups = (values.get('groups') ?? '').split(' ').filter(Boolean),
): Facts {
  const name = (key: string) => nameOf(values.get(key) ?? '')
  const count = (key: string) => countOf(values, key)
  return cutFacts({
    session: name('session'),
    sequence: 0,
    user: name('user'),
    uid: count('uid'),
    groups: groups.slice(0, groupsMax).map(nameOf),
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
  })
}

// A control character is six in JSON: names keep none, commands are cut shorter.
export function nameOf(text: string): string {
  return text
    .slice(0, nameCharactersMax)
    .toWellFormed()
    .replace(/\p{Cc}/gu, '\ufffd')
}

/** Cut to what HEAD 0 has room for. */
export function cutFacts(facts: Facts): Facts {
  const cut = { ...facts }
  const excess = () => utf8(JSON.stringify(cut)).length - factsBytesMax
  while (excess() > 0 && cut.command.length > 0)
    cut.command = cut.command
      .slice(0, Math.max(0, cut.command.length - Math.ceil(excess() / 6)))
      .toWellFormed()
  while (excess() > 0 && cut.groups.length > 0) cut.groups = cut.groups.slice(0, -1)
  return cut
}

/** Up to `bytesMax` of a file as text; `undefined` when it is not there. */
async function readStart(path: string, bytesMax: number): Promise<string | undefined> {
  try {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(bytesMax), 0, bytesMax, 0)
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
