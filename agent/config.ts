import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type DesktopSettings, parseDesktopSettings } from './capture/desktop/desktop-settings.ts'
import { showValue } from './show-value.ts'

/** What the agent is told, from `<home>/agent.json`. All but `url` have defaults. */
export interface AgentConfig {
  /** Absolute folder of the agent: key, certificate, spool, socket. */
  home: string
  /** `https://host:port` of the farm; `http:` is an explicit choice, for a line that is safe already. */
  url: string
  /** File with the authority of the farm's TLS certificate, PEM; relative to home. */
  ca?: string
  /** Message life, s: what could not be sent for so long becomes a GAP. SPEC.md S10: 60 s to 365 days. */
  messageLifeS: number
  /** The queue's share of the disk, MiB. */
  quotaMiB: number
  /** Records the logins of the whole host; runs as root. Without it, what its own user records. */
  host: boolean
  /** Which desktops are recorded, and how. On a host those of its users are found; else none are unless told. */
  desktops: DesktopSettings
}

const day = 86_400
const defaults = { messageLifeS: 7 * day, quotaMiB: 2048 }
const ranges: Record<keyof typeof defaults, [number, number]> = {
  messageLifeS: [60, 365 * day],
  quotaMiB: [16, 1024 * 1024],
}
const keys = ['url', 'ca', 'host', 'desktops', ...Object.keys(defaults)]

export class ConfigError extends Error {
  readonly code = 'config'
}

/** Throws ConfigError that names every wrong value at once. */
export function parseAgentConfig(home: string, text: string): AgentConfig {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new ConfigError(`agent.json is no JSON: ${(error as Error).message}`)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new ConfigError(`agent.json: expected an object, got ${showValue(parsed)}.`)
  const value = parsed as Record<string, unknown>
  const problems = Object.keys(value)
    .filter((key) => !keys.includes(key))
    .map((key) => `${key}: expected one of ${keys.join(', ')}`)
  const url = typeof value.url === 'string' ? value.url : ''
  if (!/^https?:\/\/[^/\s]+\/?$/.test(url) || !URL.canParse(url))
    problems.push(`url: expected https://host:port, got ${showValue(value.url)}`)
  const { ca } = value
  if (ca !== undefined && (typeof ca !== 'string' || ca === ''))
    problems.push(`ca: expected a file name, got ${showValue(ca)}`)
  const { host = false } = value
  if (typeof host !== 'boolean') problems.push(`host: expected true or false, got ${showValue(host)}`)
  const desktops = parseDesktopSettings(value.desktops, host === true, problems)
  const numbers = { ...defaults }
  for (const key of Object.keys(defaults) as (keyof typeof defaults)[]) {
    const given = value[key] ?? defaults[key]
    const [low, high] = ranges[key]
    if (typeof given === 'number' && given >= low && given <= high) numbers[key] = given
    else problems.push(`${key}: expected a number from ${low} to ${high}, got ${showValue(given)}`)
  }
  if (problems.length > 0) throw new ConfigError(`agent.json: ${problems.join('; ')}.`)
  return { home, url, ...(typeof ca === 'string' && { ca }), host: host === true, desktops, ...numbers }
}

/** Throws ConfigError, also when there is no agent.json: `tapedeck up` or enrolment writes it. */
export async function loadAgentConfig(home: string): Promise<AgentConfig> {
  const text = await readFile(join(home, 'agent.json'), 'utf8').catch((error: Error) => {
    throw new ConfigError(`This agent is not enrolled: ${error.message}`)
  })
  return parseAgentConfig(home, text)
}
