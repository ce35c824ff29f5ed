import { resolve } from 'node:path'
import type { RfbAddress, RfbServer } from './rfb-connection.ts'

// The command line of an X server, as far as it tells how the display can be read. Pure.

export interface ServerArguments {
  xauthority?: string
  /** Of Xvnc. */
  address?: RfbAddress
  /** Of Xvnc, where the agent can be let in. */
  rfb?: RfbServer
}

const vncPortBase = 5900
/** TigerVNC's own, from 1.0 to 1.15. */
const securityTypesDefault = 'VncAuth,TLSVnc'

/** `args` without the program; `cwd` = the server's, for what is relative; `vncDisplay` = Xvnc's number. */
export function parseServerArguments(
  args: readonly string[],
  cwd: string,
  vncDisplay: number | undefined,
): ServerArguments {
  const auth = optionOf(args, 'auth')
  return {
    ...(auth !== undefined && { xauthority: resolve(cwd, auth) }),
    ...(vncDisplay !== undefined && withRfb(args, cwd, vncDisplay)),
  }
}

function withRfb(
  args: readonly string[],
  cwd: string,
  display: number,
): Pick<ServerArguments, 'address' | 'rfb'> {
  const path = optionOf(args, 'rfbunixpath')
  const port = Number(optionOf(args, 'rfbport') ?? vncPortBase + display)
  const types = (optionOf(args, 'SecurityTypes') ?? securityTypesDefault).toLowerCase().split(',')
  const passwordFile = optionOf(args, 'rfbauth') ?? optionOf(args, 'PasswordFile')
  const isOpen = types.includes('none')
  const isReachable = path !== undefined || (port > 0 && port < 65_536)
  if (!isReachable) return {}
  const address = path === undefined ? { port } : { path: resolve(cwd, path) }
  if (!isOpen && !(types.includes('vncauth') && passwordFile)) return { address }
  return {
    address,
    rfb: isOpen || !passwordFile ? { address } : { address, passwordFile: resolve(cwd, passwordFile) },
  }
}

// `-name value`, `-name=value`, `--name value`, `name=value`, in any case: all are the same to TigerVNC. The last counts.
function optionOf(args: readonly string[], name: string): string | undefined {
  let value: string | undefined
  for (const [i, arg] of args.entries()) {
    const match = /^(-{0,2})([^=]+)(?:=(.*))?$/s.exec(arg)
    if (match?.[2]?.toLowerCase() !== name.toLowerCase()) continue
    if (match[3] !== undefined) value = match[3]
    else if (match[1] !== '') value = args[i + 1]
  }
  return value
}
