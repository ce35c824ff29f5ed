import { HostError } from './host-paths.ts'

// host.conf: KEY=VALUE lines that `tapedeck host enable` writes and the recorder's scripts read line by line.

export interface HostSettings {
  /** Names; `*` = everybody with a login shell and a uid from 1000. */
  users: string[]
  groups: string[]
  /** Never, even as a member of a group. */
  except: string[]
  /** By sshd's ForceCommand instead of the login shell: for users who do not try to escape. */
  forceCommand: string[]
  /** What happens to a session that nobody can decide on. SPEC S2. */
  onError: 'record' | 'skip' | 'deny'
  /** What happens when the recorder itself fails; root is always let in. */
  onRecorderFailure: 'deny' | 'allow'
  /** Whether a user who is told must press Enter, or say yes. */
  acknowledge: 'off' | 'ask' | 'require'
  /** Output of one session that may wait in memory for the agent, MiB. */
  captureBufferMiB: number
}

export const hostDefaults: HostSettings = {
  users: [],
  groups: [],
  except: [],
  forceCommand: [],
  onError: 'record',
  onRecorderFailure: 'deny',
  acknowledge: 'off',
  captureBufferMiB: 64,
}

const lists = ['users', 'groups', 'except', 'forceCommand'] as const
const choices = {
  onError: ['record', 'skip', 'deny'],
  onRecorderFailure: ['deny', 'allow'],
  acknowledge: ['off', 'ask', 'require'],
} as const
/** Less floods at the first `find /`; more of many sessions is a host's whole memory. */
const captureBufferMiBRange = [1, 4096] as const
/** POSIX names, and what directories make of them: user@domain, DOMAIN\user. */
const namePattern = /^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,255}\$?$/

/** Checks what an operator gave, over `base`. Throws HostError `settings` that names every wrong value at once. */
export function hostSettings(
  given: Record<string, unknown>,
  base: HostSettings = hostDefaults,
): HostSettings {
  const settings = { ...base }
  const problems: string[] = []
  for (const key of lists) {
    if (given[key] === undefined) continue
    const names = String(given[key])
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean)
    for (const name of names)
      if (!namePattern.test(name) && !(name === '*' && key === 'users'))
        problems.push(`${key}: ${JSON.stringify(name)} is no name`)
    settings[key] = names
  }
  for (const key of Object.keys(choices) as (keyof typeof choices)[]) {
    if (given[key] === undefined) continue
    const allowed: readonly string[] = choices[key]
    if (allowed.includes(String(given[key]))) Object.assign(settings, { [key]: given[key] })
    else problems.push(`${key}: expected ${allowed.join(', ')}, got ${JSON.stringify(given[key])}`)
  }
  if (given.captureBufferMiB !== undefined) {
    const [low, high] = captureBufferMiBRange
    const size = Number(given.captureBufferMiB)
    if (Number.isInteger(size) && size >= low && size <= high) settings.captureBufferMiB = size
    else
      problems.push(
        `captureBufferMiB: expected ${low} to ${high}, got ${JSON.stringify(given.captureBufferMiB)}`,
      )
  }
  if (problems.length > 0) throw new HostError('settings', `${problems.join('; ')}.`)
  return settings
}

export function parseHostConf(text: string): HostSettings {
  const given: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const at = line.indexOf('=')
    if (at > 0 && !line.startsWith('#')) given[line.slice(0, at)] = line.slice(at + 1)
  }
  return hostSettings(given)
}

/** `tmpfsOptions` = more options for the logs' mounts, each with a comma before it. */
export function renderHostConf(settings: HostSettings, tmpfsOptions: string): string {
  const { captureBufferMiB, onError, onRecorderFailure, acknowledge } = settings
  return [
    '# Written by `tapedeck host enable`, which changes it; the recorder reads it at each login.',
    ...lists.map((key) => `${key}=${settings[key].join(',')}`),
    `onError=${onError}`,
    `onRecorderFailure=${onRecorderFailure}`,
    `acknowledge=${acknowledge}`,
    `captureBufferMiB=${captureBufferMiB}`,
    `tmpfsOptions=${tmpfsOptions}`,
    '',
  ].join('\n')
}
