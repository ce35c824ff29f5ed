import { nameProcess, type ProcessName } from '../process-name.ts'
import type { DesktopSettings, NamedDesktop } from './desktop-settings.ts'
import { type FoundDesktop, findDesktops } from './find-desktops.ts'
import type { RfbAddress, RfbServer } from './rfb-connection.ts'
import type { XDisplay } from './x-display-source.ts'

// The desktops that should be recorded: those that were found, with what the config adds to them, and those that only the
// config knows.

export interface LocalDesktop {
  /** Among those of this host: `:7`, or where its server listens. */
  name: string
  /** Of its X server, where it is one of this host's. */
  process?: ProcessName
  uid?: number
  /** The config names it: it is recorded whosever it is. */
  named: boolean
  user?: string
  program: string
  command: string
  rfb?: RfbServer
  x?: XDisplay
}

/** What is the same is the same server. */
export function keyOf({ name, process }: LocalDesktop): string {
  return process ? `${name} ${process.pid} ${process.ticks} ${process.boot}` : name
}

export async function listDesktops(settings: DesktopSettings): Promise<LocalDesktop[]> {
  const { find, named } = settings
  if (!find && named.length === 0) return []
  const rest = new Set(named)
  const desktops: LocalDesktop[] = []
  for (const found of await findDesktops()) {
    const entry = named.find((each) => isOf(each, found))
    if (entry) rest.delete(entry)
    const process = nameProcess(found.pid)
    if ((entry || find) && process) desktops.push(withEntry(found, process, entry))
  }
  return [...desktops, ...[...rest].map(onlyNamed)]
}

function isOf({ display, address }: NamedDesktop, found: FoundDesktop): boolean {
  return display === undefined ? isSame(address, found.address) : display === found.display
}

function isSame(a: RfbAddress | undefined, b: RfbAddress | undefined): boolean {
  if (!a || !b) return false
  return 'path' in a ? 'path' in b && a.path === b.path : 'port' in b && a.port === b.port
}

function withEntry(found: FoundDesktop, process: ProcessName, entry?: NamedDesktop): LocalDesktop {
  const { display, xauthority, filesOf, uid, program, args } = found
  const own = entry?.xauthority
  const rfb = entry?.address ? serverOf(entry) : found.rfb
  const x = {
    display,
    ...(own !== undefined && { xauthority: own }),
    ...(own === undefined && xauthority !== undefined && { xauthority, ...(filesOf && { filesOf }) }),
  }
  return {
    name: display,
    process,
    uid,
    named: entry !== undefined,
    ...(entry?.user !== undefined && { user: entry.user }),
    program,
    command: [program, ...withoutPassword(args)].join(' '),
    ...(rfb && { rfb }),
    x,
  }
}

/** TigerVNC takes a password as an argument, too, hidden by nothing. */
function withoutPassword(args: readonly string[]): string[] {
  return args.map((arg, i) =>
    /^-{1,2}password$/i.test(args[i - 1] ?? '') ? '…' : arg.replace(/^(-{0,2}password=).*/is, '$1…'),
  )
}

function onlyNamed(entry: NamedDesktop): LocalDesktop {
  const { name, display, xauthority, user } = entry
  return {
    name,
    named: true,
    ...(user !== undefined && { user }),
    program: display === undefined ? 'VNC' : 'X',
    command: name,
    ...(display === undefined
      ? { rfb: serverOf(entry) }
      : { x: { display, ...(xauthority !== undefined && { xauthority }) } }),
  }
}

function serverOf({ address, passwordFile }: NamedDesktop): RfbServer {
  return { address: address!, ...(passwordFile !== undefined && { passwordFile }) }
}
