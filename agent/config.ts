import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What the agent is told, from `<home>/agent.json`. All but `url` have defaults. */
export interface AgentConfig {
  /** Absolute folder of the agent: key, certificate, spool, socket. */
  home: string
  /** `https://host:port` of the farm. */
  url: string
  /** File with the authority of the farm's TLS certificate, PEM; relative to home. */
  ca?: string
  /** Message life, s: what could not be sent for so long becomes a GAP. SPEC.md S10: 60 s to 365 days. */
  messageLifeS: number
  /** The queue's share of the disk, MiB. */
  quotaMiB: number
}

const day = 86_400
const defaults = { messageLifeS: 7 * day, quotaMiB: 2048 }
const ranges: Record<keyof typeof defaults, [number, number]> = {
  messageLifeS: [60, 365 * day],
  quotaMiB: [16, 1024 * 1024],
}

export class ConfigError extends Error {
  readonly code = 'config'
}

/** Throws ConfigError that names every wrong value at once. */
export function parseAgentConfig(home: string, text: string): AgentConfig {
  let value: Record<string, unknown>
  try {
    value = JSON.parse(text) as Record<string, unknown>
  } catch (error) {
    throw new ConfigError(`agent.json is no JSON: ${(error as Error).message}`)
  }
  const problems: string[] = []
  const url = typeof value.url === 'string' ? value.url : ''
  if (!/^https?:\/\/[^/\s]+\/?$/.test(url))
    problems.push(`url: expected https://host:port, got ${JSON.stringify(value.url)}`)
  if (value.ca !== undefined && typeof value.ca !== 'string') problems.push('ca: expected a file name')
  const numbers = { ...defaults }
  for (const key of Object.keys(defaults) as (keyof typeof defaults)[]) {
    const given = value[key] ?? defaults[key]
    const [low, high] = ranges[key]
    if (typeof given === 'number' && given >= low && given <= high) numbers[key] = given
    else problems.push(`${key}: expected a number from ${low} to ${high}, got ${JSON.stringify(given)}`)
  }
  if (problems.length > 0) throw new ConfigError(`agent.json: ${problems.join('; ')}.`)
  return { home, url, ...(typeof value.ca === 'string' && { ca: value.ca }), ...numbers }
}

export async function loadAgentConfig(home: string): Promise<AgentConfig> {
  return parseAgentConfig(home, await readFile(join(home, 'agent.json'), 'utf8'))
}
