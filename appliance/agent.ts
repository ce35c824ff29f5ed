import { readFile } from 'node:fs/promises'
import { enrol, generalize } from '../agent/enrol.ts'
import type { Client } from './client.ts'
import { CommandError } from './command-error.ts'
import { localTime, table } from './print.ts'

// `tapedeck agent`: tokens and agents at the farm, and this host's own identity.

interface AgentRow {
  id: string
  host: string
  enrolled: string
  seen: string
  connected: boolean
  unrecordedLogins?: number
  revoked?: string
}

export async function makeToken(
  client: Client,
  options: { uses?: string; expires?: string; json?: boolean },
): Promise<void> {
  const made = await client.call<{ token: string; expires: string }>('POST', '/api/agents/tokens', {
    uses: Number(options.uses ?? 1),
    expiresInS: Number(options.expires ?? 3600),
  })
  if (options.json) return print(made)
  process.stdout.write(
    `${made.token}\n\nOn the host, as root, until ${localTime(made.expires)}:\n` +
      `  tapedeck agent enrol --server ${client.url} --token ${made.token}\n`,
  )
}

export async function listAgents(client: Client, options: { json?: boolean }): Promise<void> {
  const { agents } = await client.call<{ agents: AgentRow[] }>('GET', '/api/agents')
  if (options.json) return print(agents)
  if (agents.length === 0) {
    process.stdout.write("No agent is enrolled. 'tapedeck agent token' makes a token for one.\n")
    return
  }
  process.stdout.write(
    table(
      ['HOST', 'STATE', 'SEEN', 'ENROLLED', 'ID'],
      agents.map(({ id, host, seen, enrolled, connected, unrecordedLogins, revoked }) => [
        host,
        revoked
          ? 'revoked'
          : unrecordedLogins
            ? `${unrecordedLogins} LOGINS UNRECORDED`
            : connected
              ? 'connected'
              : 'away',
        localTime(seen),
        localTime(enrolled),
        id,
      ]),
    ),
  )
}

export async function revokeAgents(
  client: Client,
  ids: string[],
  options: { json?: boolean },
): Promise<void> {
  for (const id of ids) {
    await client.call('DELETE', `/api/agents/${encodeURIComponent(id)}`)
    if (options.json) print({ id, revoked: true })
    else
      process.stdout.write(`Revoked ${id}: cut off within a minute. What it has queued stays on its host.\n`)
  }
}

export async function enrolHere(
  home: string,
  options: {
    server: string
    wholeHost: boolean
    token?: string
    tokenFile?: string
    ca?: string
    json?: boolean
  },
): Promise<void> {
  const token = options.token ?? (options.tokenFile && (await readFile(options.tokenFile, 'utf8')).trim())
  if (!token || !/^[\w-]+\.[\w-]+$/.test(token))
    throw new CommandError(
      'token',
      'Expected an enrolment token.',
      "Make one with 'tapedeck agent token'.",
      2,
    )
  const ca = options.ca === undefined ? undefined : await readFile(options.ca, 'utf8')
  const settings = { host: options.wholeHost }
  const { agent } = await enrol({
    home,
    url: options.server,
    token,
    settings,
    ...(ca !== undefined && { ca }),
  })
  if (options.json) return print({ agent, home })
  process.stdout.write(`Enrolled as ${agent} in ${home}. Start the agent, then 'tapedeck host enable'.\n`)
}

export async function generalizeHere(
  home: string,
  options: { token?: string; json?: boolean },
): Promise<void> {
  await generalize(home, options.token)
  if (options.json) return print({ home })
  process.stdout.write(
    options.token
      ? `${home} has no identity now. Each host made from this image enrols itself by the token at its first start.\n`
      : `${home} has no identity now. Enrol each host made from this image.\n`,
  )
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
