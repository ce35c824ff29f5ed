import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { RfbAddress, RfbServer } from './rfb-connection.ts'
import { parseServerArguments } from './server-arguments.ts'
import type { XDisplay } from './x-display-source.ts'

// Desktops on this host, from the X servers that run: those of TigerVNC, which are read directly, and any other (Xorg of
// the console, of xrdp, Xvfb), which x0vncserver reads. A desktop belongs to whom its server runs as. A display manager
// may run Xorg as root: then to the user whose programs draw on it, and to nobody while only a greeter does.

export interface FoundDesktop extends XDisplay {
  /** Of the X server. */
  pid: number
  uid: number
  /** Of the X server, such as Xtigervnc. */
  program: string
  /** Its arguments. */
  args: readonly string[]
  /** Where its own RFB server listens, whether or not the agent is let in. */
  address?: RfbAddress
  /** Its own RFB server, where the agent can be let in. */
  rfb?: RfbServer
}

const vncServers = ['Xvnc', 'Xtigervnc']
const seatServers = ['Xorg', 'X']
const servers = [...vncServers, ...seatServers, 'Xvfb']
/** Below it are the system's own accounts, greeters among them. */
const userIdMin = 1000

/** `proc` = where proc(5) is. Processes that end meanwhile are passed over. */
export async function findDesktops(proc = '/proc'): Promise<FoundDesktop[]> {
  // Most hosts have none, and many processes to look at.
  if (displaysIn(await readFile(join(proc, 'net/unix'), 'utf8')).size === 0) return []
  const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name)).map(Number)
  const found: FoundDesktop[] = []
  for (const pid of pids) {
    const desktop = await desktopOf(proc, pid, pids).catch(() => undefined)
    if (desktop) found.push(desktop)
  }
  return found
}

async function desktopOf(proc: string, pid: number, pids: number[]): Promise<FoundDesktop | undefined> {
  const dir = join(proc, String(pid))
  const name = (await readFile(join(dir, 'comm'), 'utf8')).trim()
  if (!servers.includes(name)) return undefined
  const number = await displayOf(dir)
  if (number === undefined) return undefined
  const display = `:${number}`
  const args = (await readFile(join(dir, 'cmdline'), 'utf8')).split('\0').slice(1, -1)
  const vncDisplay = vncServers.includes(name) ? number : undefined
  const parsed = parseServerArguments(args, await readlink(join(dir, 'cwd')), vncDisplay)
  const { uid } = await stat(dir)
  const owner = uid === 0 && seatServers.includes(name) ? await drawingUser(proc, display, pids) : uid
  if (owner === undefined) return undefined
  const { rfb } = parsed
  // A server may be root's by its setuid bit while its user chose the arguments.
  const filesOf = [...new Set([uid, owner])]
  return {
    pid,
    uid: owner,
    display,
    program: name,
    args,
    filesOf,
    ...parsed,
    ...(rfb && { rfb: { ...rfb, filesOf } }),
  }
}

// Servers may choose their display themselves, so it is told by the socket that they listen on.
async function displayOf(dir: string): Promise<number | undefined> {
  const displays = displaysIn(await readFile(join(dir, 'net/unix'), 'utf8'))
  for (const fd of await readdir(join(dir, 'fd'))) {
    const display = displays.get(await readlink(join(dir, 'fd', fd)).catch(() => ''))
    if (display !== undefined) return display
  }
  return undefined
}

/** Displays by what a file descriptor of their sockets links to. */
function displaysIn(sockets: string): Map<string, number> {
  const displays = new Map<string, number>()
  for (const [, inode, number] of sockets.matchAll(/ (\d+) @?\/tmp\/\.X11-unix\/X(\d+)$/gm))
    displays.set(`socket:[${inode}]`, Number(number))
  return displays
}

// The oldest of a user's programs on a display is his session.
async function drawingUser(proc: string, display: string, pids: number[]): Promise<number | undefined> {
  for (const pid of pids.toSorted((a, b) => a - b)) {
    const dir = join(proc, String(pid))
    const uid = await stat(dir).then(
      (found) => found.uid,
      () => 0,
    )
    if (uid < userIdMin) continue
    const environment = (await readFile(join(dir, 'environ'), 'utf8').catch(() => '')).split('\0')
    if (environment.some((line) => line === `DISPLAY=${display}` || line === `DISPLAY=${display}.0`))
      return uid
  }
  return undefined
}
