import { isAbsolute } from 'node:path'
import { showValue } from '../../show-value.ts'
import { type LossyOptions, lossyDefaults, lossyProblem } from './lossy-encoder.ts'
import type { RfbAddress } from './rfb-connection.ts'

// `desktops` in agent.json: true, false, or an object. Pure.

export interface DesktopSettings {
  /** Desktops of this host are found by themselves. */
  find: boolean
  /** Pictures and videos as JPEG; absent: every pixel as it was. */
  lossy?: LossyOptions
  /** Named in the config: what is not found by itself, or what one that is found needs. */
  named: NamedDesktop[]
}

/** By its X display, or by the address of an RFB server that the site runs itself. */
export interface NamedDesktop {
  name: string
  display?: string
  xauthority?: string
  address?: RfbAddress
  passwordFile?: string
  /** Whose it is, where no process of this host tells. */
  user?: string
}

export const noDesktops: DesktopSettings = { find: false, named: [] }

/** A host has some; each is looked for all the time. */
const namedMax = 64
/** Of file and user names. */
const charactersMax = 4096
const keys = ['find', 'lossy', 'named']
const lossyKeys = Object.keys(lossyDefaults) as (keyof LossyOptions)[]
const namedKeys = ['display', 'xauthority', 'path', 'port', 'passwordFile', 'user']

/** `byDefault` = whether desktops are found where the config says nothing. Adds what is wrong to `problems`. */
export function parseDesktopSettings(
  value: unknown,
  byDefault: boolean,
  problems: string[],
): DesktopSettings {
  if (value === undefined) return { find: byDefault, named: [] }
  if (typeof value === 'boolean') return { find: value, named: [] }
  if (!isObject(value)) {
    problems.push(`desktops: expected true, false or an object, got ${showValue(value)}`)
    return noDesktops
  }
  unknownKeys('desktops', value, keys, problems)
  const { find = byDefault, named = [] } = value
  if (typeof find !== 'boolean')
    problems.push(`desktops.find: expected true or false, got ${showValue(find)}`)
  if (!Array.isArray(named) || named.length > namedMax)
    problems.push(`desktops.named: expected a list of at most ${namedMax}, got ${showValue(named)}`)
  const lossy = parseLossy(value.lossy, problems)
  const desktops = (Array.isArray(named) ? named : []).flatMap((one, i) =>
    parseNamed(one, `desktops.named[${i}]`, problems),
  )
  for (const [i, { name }] of desktops.entries())
    if (desktops.findIndex((other) => other.name === name) !== i)
      problems.push(`desktops.named: ${name} is there twice`)
  return { find: find === true, ...(lossy && { lossy }), named: desktops }
}

function parseLossy(value: unknown, problems: string[]): LossyOptions | undefined {
  if (value === undefined || value === false) return undefined
  if (value === true) return lossyDefaults
  if (!isObject(value)) {
    problems.push(`desktops.lossy: expected true, false or an object, got ${showValue(value)}`)
    return undefined
  }
  unknownKeys('desktops.lossy', value, lossyKeys, problems)
  const options = { ...lossyDefaults, ...value } as LossyOptions
  const problem = lossyProblem(options)
  if (problem) problems.push(`desktops.lossy.${problem}`)
  if (typeof options.dropVideo !== 'boolean')
    problems.push(`desktops.lossy.dropVideo: expected true or false, got ${showValue(options.dropVideo)}`)
  return options
}

function parseNamed(value: unknown, at: string, problems: string[]): NamedDesktop[] {
  if (!isObject(value)) {
    problems.push(`${at}: expected an object, got ${showValue(value)}`)
    return []
  }
  unknownKeys(at, value, namedKeys, problems)
  const { display, port, path, user } = value
  const file = (key: string) => {
    const name = value[key]
    if (name === undefined) return undefined
    if (typeof name === 'string' && isAbsolute(name) && name.length <= charactersMax) return name
    problems.push(`${at}.${key}: expected an absolute path, got ${showValue(name)}`)
    return undefined
  }
  if ([display, port, path].filter((way) => way !== undefined).length !== 1) {
    problems.push(`${at}: expected one of display, path and port`)
    return []
  }
  if (display !== undefined && !(typeof display === 'string' && /^:\d{1,5}$/.test(display)))
    problems.push(`${at}.display: expected one such as ":1", got ${showValue(display)}`)
  if (port !== undefined && !(Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536))
    problems.push(`${at}.port: expected a port of this host from 1 to 65535, got ${showValue(port)}`)
  if (user !== undefined && !(typeof user === 'string' && user !== '' && user.length <= 256))
    problems.push(`${at}.user: expected a name, got ${showValue(user)}`)
  const useless = display === undefined ? 'xauthority' : 'passwordFile'
  if (value[useless] !== undefined)
    problems.push(`${at}.${useless}: has no meaning for a ${display === undefined ? 'server' : 'display'}`)
  const socket = file('path')
  const passwordFile = file('passwordFile')
  const xauthority = file('xauthority')
  const address =
    socket !== undefined ? { path: socket } : port !== undefined ? { port: Number(port) } : undefined
  return [
    {
      name: String(display ?? socket ?? `port ${port}`),
      ...(display !== undefined && { display: String(display) }),
      ...(address && { address }),
      ...(passwordFile !== undefined && { passwordFile }),
      ...(xauthority !== undefined && { xauthority }),
      ...(user !== undefined && { user: String(user) }),
    },
  ]
}

function unknownKeys(at: string, value: object, known: readonly string[], problems: string[]): void {
  for (const key of Object.keys(value))
    if (!known.includes(key)) problems.push(`${at}.${key}: expected one of ${known.join(', ')}`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
