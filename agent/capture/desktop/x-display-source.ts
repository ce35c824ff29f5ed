import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DesktopError } from './desktop-error.ts'
import { readSecret } from './read-secret.ts'
import { RfbConnection } from './rfb-connection.ts'
import type { ScreenSource } from './screen-source.ts'

// Any X display, through an x0vncserver of ours: on a Unix socket that nobody else can open, without input, and dying
// with the agent. It parses what a user's X server says, so a root agent runs it as somebody without rights.

export interface XDisplay {
  /** `:10` */
  display: string
  /** Absent where the display lets anybody in. */
  xauthority?: string
  /** Users one of whom that file must belong to, where a process of theirs has named it. */
  filesOf?: readonly number[]
}

export interface XDisplaySourceOptions extends XDisplay {
  /** A folder for this display alone; it is made, and removed at the end. Its path is short: sockets allow 107 bytes. */
  dir: string
  /** Who x0vncserver runs as: somebody who may do nothing but reach `dir`. */
  runAs?: { uid: number; gid: number }
}

const programs = ['/usr/bin/X0tigervnc', '/usr/bin/x0vncserver', '/usr/local/bin/x0vncserver']
/** It connects to its display and listens within a moment, or never. */
const startMsMax = 10_000
/** x0vncserver of TigerVNC 1.12 sleeps until a window draws or a client speaks, and looks for the pointer only then. */
const askAgainMs = 200
const lookMs = 50
const cookieFile = 'Xauthority'
const stopMsMax = 2000
const saidBytesMax = 4096

/** Whether displays can be read here at all. */
export function hasX0vncserver(): boolean {
  return programs.some((program) => existsSync(program))
}

export function xDisplaySource(options: XDisplaySourceOptions): ScreenSource {
  const path = join(options.dir, 'rfb.sock')
  let server: X0vncserver | undefined
  return {
    async open(encodings, signal) {
      if (!server?.runs) {
        await server?.stop()
        await makeFolder(options)
        server = await X0vncserver.start(options, path, signal)
      }
      return RfbConnection.open({ address: { path }, askAgainMs }, encodings, signal)
    },
    async close() {
      await server?.stop()
      await rm(options.dir, { recursive: true, force: true })
    },
  }
}

// The cookies are copied: who runs x0vncserver may read nothing of the display's owner.
async function makeFolder({ dir, runAs, xauthority, filesOf }: XDisplaySourceOptions): Promise<void> {
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const paths = [dir]
  if (xauthority !== undefined) {
    const path = join(dir, cookieFile)
    try {
      await writeFile(path, await readSecret(xauthority, filesOf), { mode: 0o600 })
    } catch (error) {
      throw new DesktopError('xauthority', `${xauthority} cannot be read: ${(error as Error).message}`, {
        cause: error,
      })
    }
    paths.push(path)
  }
  if (runAs) for (const path of paths) await chown(path, runAs.uid, runAs.gid)
}

class X0vncserver {
  readonly #child: ChildProcess
  readonly #gone: Promise<void>
  #said = ''
  #runs = true

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.on('data', (bytes) => {
      this.#said = `${this.#said}${bytes}`.slice(-saidBytesMax)
    })
    this.#gone = new Promise((resolve) => {
      const end = () => {
        this.#runs = false
        resolve()
      }
      child.once('exit', end)
      child.once('error', end)
    })
  }

  /** Resolves when it listens. Throws DesktopError `unreachable` when it ends instead: its display is gone. */
  static async start(
    options: XDisplaySourceOptions,
    path: string,
    signal: AbortSignal,
  ): Promise<X0vncserver> {
    const program = programs.find(existsSync)
    if (!program)
      throw new DesktopError(
        'x0vncserver',
        `x0vncserver is not installed; looked for ${programs.join(', ')}.`,
        {
          hint: 'Install tigervnc-scraping-server.',
        },
      )
    const { display, xauthority, runAs, dir } = options
    const drop = runAs ? ['--reuid', `${runAs.uid}`, '--regid', `${runAs.gid}`, '--clear-groups'] : []
    const child = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', '--no-new-privs', ...drop, program, ...argumentsFor(display, path)],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        cwd: '/',
        env: {
          PATH: '/usr/bin:/bin',
          HOME: dir,
          ...(xauthority !== undefined && { XAUTHORITY: join(dir, cookieFile) }),
        },
      },
    )
    const server = new X0vncserver(child)
    const until = performance.now() + startMsMax
    while (!existsSync(path)) {
      if (!server.runs || signal.aborted || performance.now() > until) {
        await server.stop()
        throw new DesktopError('unreachable', `x0vncserver does not serve ${display}: ${server.#lastLine}`, {
          hint: 'Does the display run, and does the Xauthority file let the agent in?',
        })
      }
      await Promise.race([server.#gone, new Promise((resolve) => setTimeout(resolve, lookMs))])
    }
    return server
  }

  get runs(): boolean {
    return this.#runs
  }

  async stop(): Promise<void> {
    if (!this.#runs) return
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopMsMax)
    await this.#gone
    clearTimeout(timer)
  }

  get #lastLine(): string {
    return this.#said.trim().split('\n').at(-1)?.trim() || 'it said nothing.'
  }
}

function argumentsFor(display: string, path: string): string[] {
  return [
    '-display',
    display,
    '-rfbport=-1',
    `-rfbunixpath=${path}`,
    '-rfbunixmode=0600',
    '-SecurityTypes=None',
    '-AcceptKeyEvents=0',
    '-AcceptPointerEvents=0',
    '-AcceptSetDesktopSize=0',
    '-FrameRate=10',
    '-Log=*:stderr:10',
  ]
}
