import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'
import { eventually } from './eventually.ts'
import { type Picture, parseXwd } from './picture.ts'

const execute = promisify(execFile)

// Real X servers with real windows, on displays that the servers choose themselves.

/** A test that is killed leaves nothing behind, stopped players included. */
const dyingWithUs = ['--pdeathsig', 'KILL']

const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--test-type',
  '--force-device-scale-factor=1',
]

export interface Desktop {
  /** `:7` */
  readonly display: string
  readonly dir: string
  readonly server: ChildProcess
  /** Of Xvnc. */
  readonly socket: string
  /** A program that draws here; ends with the desktop. */
  start(command: string, ...args: string[]): ChildProcess
  /** Runs to its end; throws when it fails. */
  run(command: string, ...args: string[]): Promise<string>
  /** A window of an xterm whose title is `title`, once it is mapped: its X id. */
  xterm(title: string, options: { geometry: string; command: string }): Promise<string>
  /** Chromium without a frame of its own on an HTML page whose title is `title`: its X id. */
  page(title: string, body: string): Promise<string>
  /** ffmpeg's `source` as a video in a window at `x`, `y`; its size is that of the source. */
  video(source: string, x: number, y: number): Promise<ChildProcess>
  /** What the X server shows, without the pointer. */
  picture(): Promise<Picture>
  stop(): Promise<void>
}

export interface DesktopOptions {
  server?: 'Xvnc' | 'Xvfb'
  geometry?: string
  /** More arguments of the server. */
  args?: string[]
  /** Xvnc's; in the desktop's own folder by default. */
  socket?: string
  /** A file of xauth that says who may draw. */
  xauthority?: string
  /** Whose the server is; as root. */
  uid?: number
}

/** What tests of desktops need and is not here. */
export function missingPrograms(...names: string[]): string | undefined {
  const missing = names.filter((name) => !existsSync(`/usr/bin/${name}`))
  return missing.length > 0 ? `needs ${missing.join(', ')}` : undefined
}

export async function startDesktop(t: ExecutionContext, options: DesktopOptions = {}): Promise<Desktop> {
  const desktop = await openDesktop(options)
  t.teardown(() => desktop.stop())
  return desktop
}

export async function openDesktop(options: DesktopOptions = {}): Promise<Desktop> {
  const { server: program = 'Xvnc', geometry = '1024x768', args = [], xauthority, uid } = options
  const dir = await mkdtemp(join(tmpdir(), 'tapedeck-desktop-'))
  if (uid !== undefined) await chown(dir, uid, uid)
  const socket = options.socket ?? join(dir, 'rfb.sock')
  const own =
    program === 'Xvnc'
      ? [
          '-geometry',
          geometry,
          '-depth',
          '24',
          '-SecurityTypes',
          'None',
          '-rfbport',
          '-1',
          '-rfbunixpath',
          socket,
        ]
      : ['-screen', '0', `${geometry}x24`]
  const auth = xauthority ? ['-auth', xauthority] : []
  const server = spawn(
    'setpriv',
    [
      ...dyingWithUs,
      ...(uid === undefined ? [] : asUser(uid)),
      program,
      '-displayfd',
      '3',
      ...own,
      ...auth,
      ...args,
      '-nolisten',
      'tcp',
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    },
  )
  let said = ''
  server.stderr!.on('data', (bytes) => {
    said += bytes
  })
  const number = await new Promise<string>((resolve, reject) => {
    let text = ''
    server.stdio[3]!.on('data', (bytes) => {
      text += bytes
      if (text.includes('\n')) resolve(text.trim())
    })
    server.once('exit', (code) => reject(new Error(`${program} ended with ${code}: ${said}`)))
    server.once('error', reject)
  })
  const display = `:${number}`
  const env = { ...process.env, DISPLAY: display, HOME: dir, ...(xauthority && { XAUTHORITY: xauthority }) }
  const children: ChildProcess[] = []
  const desktop: Desktop = {
    display,
    dir,
    server,
    socket,
    start(command, ...rest) {
      const child = spawn('setpriv', [...dyingWithUs, command, ...rest], { env, stdio: 'ignore', cwd: dir })
      children.push(child)
      return child
    },
    async run(command, ...rest) {
      const { stdout } = await execute(command, rest, { env, cwd: dir })
      return stdout.trim()
    },
    async xterm(title, { geometry: at, command }) {
      desktop.start(
        'xterm',
        '-fa',
        'monospace',
        '-fs',
        '10',
        '-T',
        title,
        '-geometry',
        at,
        '-e',
        'sh',
        '-c',
        command,
      )
      return eventually(async () => {
        const id = await desktop.run('xdotool', 'search', '--onlyvisible', '--name', `^${title}$`)
        return id.split('\n')[0]!
      })
    },
    async page(title, body) {
      const path = join(dir, `${title}.html`)
      await writeFile(path, `<!doctype html><meta charset="utf-8"><title>${title}</title>${body}`)
      const place = [`--user-data-dir=${join(dir, 'profile')}`, `--app=file://${path}`]
      desktop.start('chromium', ...chromiumFlags, ...place)
      return eventually(
        async () => {
          const id = await desktop.run('xdotool', 'search', '--onlyvisible', '--name', `^${title}$`)
          return id.split('\n')[0]!
        },
        { timeoutMs: 60_000 },
      )
    },
    async video(source, x, y) {
      const place = ['-noborder', '-left', String(x), '-top', String(y)]
      const player = desktop.start(
        'ffplay',
        '-loglevel',
        'quiet',
        '-window_title',
        'video',
        ...place,
        '-f',
        'lavfi',
        source,
      )
      await eventually(() => desktop.run('xdotool', 'search', '--onlyvisible', '--name', '^video$'))
      return player
    },
    async picture() {
      const { stdout } = await execute('xwd', ['-root', '-silent', '-display', display], {
        encoding: 'buffer',
        maxBuffer: 256 * 1024 * 1024,
        env,
      })
      return parseXwd(stdout)
    },
    async stop() {
      await Promise.all([...children, server].map(end))
      // Chromium's processes end a moment after their first.
      await rm(dir, { recursive: true, force: true, maxRetries: 10 })
    },
  }
  return desktop
}

function asUser(uid: number): string[] {
  return ['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups']
}

/** A window manager, a plain background, and the pointer out of the way. */
export async function dress(desktop: Desktop): Promise<void> {
  desktop.start('openbox')
  await eventually(() => desktop.run('xprop', '-root', '_NET_SUPPORTING_WM_CHECK').then(notEmpty))
  await desktop.run('xsetroot', '-solid', '#335577')
  await parkPointer(desktop)
}

/** Puts the pointer into the lower right corner, where `difference` does not look. */
export async function parkPointer(desktop: Desktop): Promise<void> {
  await desktop.run('xdotool', 'mousemove', '9999', '9999')
}

function notEmpty(text: string): void {
  if (!text.includes('window id')) throw new Error(text)
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}
