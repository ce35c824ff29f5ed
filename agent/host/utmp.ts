import { execFile } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

// Who is logged in on a terminal: utmp(5), or logind where a distribution has given utmp up.

export interface Login {
  user: string
  /** Without /dev/: pts/3, tty1. */
  line: string
  /** Leader of the login, as who wrote the record says. */
  pid: number
  /** Where from; empty for the console. */
  from: string
  /** ms since the epoch. */
  sinceMs: number
}

// struct utmp of glibc on 64-bit Linux, whose times are 32 bits wide there too.
const recordBytes = 384
const userProcess = 7
const paths = ['/run/utmp', '/var/run/utmp']
const historyPath = '/var/log/wtmp'
/** Read at once: 2,700 logins between two looks. */
const historyBytesMax = 2_700 * recordBytes
/** What changes when somebody logs in or out. */
export const loginPaths = ['/run/utmp', '/run/systemd/sessions']

export function parseUtmp(bytes: Uint8Array): Login[] {
  const logins: Login[] = []
  for (let at = 0; at + recordBytes <= bytes.length; at += recordBytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, recordBytes)
    const text = (offset: number, length: number) => {
      const field = bytes.subarray(at + offset, at + offset + length)
      const end = field.indexOf(0)
      return Buffer.from(field.subarray(0, end < 0 ? length : end)).toString('latin1')
    }
    const user = text(44, 32)
    if (view.getInt16(0, true) !== userProcess || user === '') continue
    logins.push({
      user,
      line: text(8, 32),
      pid: view.getInt32(4, true),
      from: text(76, 256),
      sinceMs: view.getUint32(340, true) * 1000 + Math.floor(view.getUint32(344, true) / 1000),
    })
  }
  return logins
}

/** Logins that last, and those that began since the last call and are over; `undefined` where this host does not say. */
export function openLogins(): () => Promise<Login[] | undefined> {
  const history = new LoginHistory()
  return async () => {
    for (const path of paths) {
      const bytes = await readFile(path).catch(() => undefined)
      if (bytes) return [...parseUtmp(bytes), ...(await history.next())]
    }
    try {
      const { stdout } = await run('loginctl', ['list-sessions', '--output=json'])
      return parseLoginctl(stdout)
    } catch {
      return undefined
    }
  }
}

/** wtmp keeps what utmp forgets at once: a login that lasted no longer than its command. */
class LoginHistory {
  #offset: number | undefined

  async next(): Promise<Login[]> {
    const file = await open(historyPath).catch(() => undefined)
    if (!file) return []
    try {
      const { size } = await file.stat()
      // What was before us was somebody else's to tell; a shorter file is a new one.
      if (this.#offset === undefined || size < this.#offset)
        this.#offset = this.#offset === undefined ? size : 0
      const room = Math.min(size - this.#offset, historyBytesMax)
      const { buffer, bytesRead } = await file.read(Buffer.alloc(room), 0, room, this.#offset)
      const whole = bytesRead - (bytesRead % recordBytes)
      this.#offset += whole
      return parseUtmp(buffer.subarray(0, whole))
    } finally {
      await file.close()
    }
  }
}

/** `loginctl list-sessions --output=json`: objects of session, uid, user, seat, tty, and since where it tells. */
export function parseLoginctl(text: string): Login[] {
  const sessions = JSON.parse(text) as { user?: unknown; tty?: unknown; leader?: unknown; since?: unknown }[]
  return sessions
    .filter(({ user, tty }) => typeof user === 'string' && typeof tty === 'string' && tty !== '')
    .map(({ user, tty, leader, since }) => ({
      user: user as string,
      line: tty as string,
      pid: Number(leader) || 0,
      from: '',
      sinceMs: Math.floor((Number(since) || 0) / 1000),
    }))
}
