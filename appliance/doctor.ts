import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { hostPaths } from '../agent/host/host-paths.ts'
import { hostStatus } from '../agent/host/status.ts'
import { swapsLogs, waysAround } from '../agent/host/ways-around.ts'
import { loadIdentity } from '../agent/identity.ts'
import { peekToken } from '../format/token.ts'
import { type Home, homePaths } from './home.ts'
import { escapeControls } from './print.ts'
import { type AgentStatus, askAgent } from './status.ts'

// `tapedeck doctor`: looks at what this machine has of Tapedeck and says what to do about what it finds.

export interface Finding {
  /** `fail`: something does not work. `warn`: something is not recorded, or will not work for long. */
  level: 'ok' | 'warn' | 'fail'
  code: string
  text: string
  hint?: string
}

const dayMs = 86_400_000
/** Warned about so long before. */
const expiryWarnMs = 30 * dayMs
/** What waits for longer will not arrive by itself. */
const queueWarnMs = 3_600_000

export async function doctor(home: Home, options: { json?: boolean }): Promise<void> {
  const findings: Finding[] = []
  if (existsSync(hostPaths.hostConf)) findings.push(...(await hostFindings()))
  const hostAgent = homePaths('/var/lib/tapedeck')
  for (const one of new Set([home.root, hostAgent.root]))
    if (existsSync(join(homePaths(one).agent, 'agent.json')))
      findings.push(...(await agentFindings(homePaths(one))))
  if (findings.length === 0)
    findings.push({
      level: 'warn',
      code: 'nothing',
      text: `Nothing of Tapedeck is set up in ${home.root} or on this host.`,
      hint: "Start with 'tapedeck up', or 'tapedeck agent enrol'.",
    })
  if (findings.some(({ level }) => level === 'fail')) process.exitCode = 1
  if (options.json) {
    process.stdout.write(`${JSON.stringify(findings)}\n`)
    return
  }
  for (const { level, code, text, hint } of findings)
    process.stdout.write(
      `${level.padEnd(4)}  ${escapeControls(text)} [${code}]\n${hint ? `      ${escapeControls(hint)}\n` : ''}`,
    )
}

async function hostFindings(): Promise<Finding[]> {
  const { settings, accounts, problems } = await hostStatus()
  const findings: Finding[] = problems.map((text) => ({ level: 'fail', code: 'host', text }))
  for (const { name, why } of accounts.filter(({ recorded }) => !recorded))
    findings.push({ level: 'fail', code: 'not-covered', text: `Logins of ${name} are not recorded: ${why}.` })
  if (findings.length === 0)
    findings.push({
      level: 'ok',
      code: 'host',
      text: `Logins of ${accounts.length} accounts come to the recorder.`,
    })
  for (const { code, users, text, hint } of await waysAround(settings!))
    findings.push({ level: 'warn', code, text: `${some(users)}: ${text}`, hint })
  if (await swapsLogs())
    findings.push({
      level: 'warn',
      code: 'swap',
      text: 'This kernel may write session logs to its swap disk before the agent has taken them.',
      hint: 'Encrypt the swap, or use Linux 6.4 or newer.',
    })
  return findings
}

async function agentFindings(home: Home): Promise<Finding[]> {
  const findings: Finding[] = []
  const add = (level: Finding['level'], code: string, text: string, hint?: string) =>
    findings.push({ level, code, text, ...(hint && { hint }) })
  try {
    const { certificate, moved } = await loadIdentity(home.agent)
    const { until, agent } = peekToken(certificate, 'agent-certificate')
    const leftMs = until - Date.now()
    if (leftMs < expiryWarnMs)
      add(
        leftMs < 0 ? 'fail' : 'warn',
        'certificate',
        `The agent's certificate ends ${new Date(until).toISOString()}.`,
        'Enrol it again.',
      )
    else add('ok', 'identity', `Enrolled as ${agent}.`)
    if (moved)
      add(
        'warn',
        'clone',
        'This identity was given to another machine.',
        'The agent renews it when it connects.',
      )
  } catch (error) {
    add('fail', 'not-enrolled', (error as Error).message, "Use 'tapedeck agent enrol'.")
    return findings
  }
  let state: AgentStatus
  try {
    state = await askAgent(home)
  } catch (error) {
    add(
      'fail',
      'no-agent',
      (error as Error).message,
      "Start it: 'systemctl start tapedeck-agent', or 'tapedeck up'.",
    )
    return findings
  }
  const { connection, queue, sessions } = state
  if (connection.state === 'connected') add('ok', 'uplink', `Connected to ${connection.node}.`)
  else
    add(
      'fail',
      'uplink',
      `Not connected to the farm${connection.lastError ? `: ${connection.lastError}` : '.'}`,
      'What is recorded waits on this disk. Check the address in agent.json and the network.',
    )
  if ((queue.oldestMs ?? 0) > queueWarnMs)
    add(
      'warn',
      'queue',
      `${queue.bytes} bytes wait, the oldest for ${Math.round((queue.oldestMs ?? 0) / 60_000)} min.`,
    )
  const { coverage } = state
  if (coverage && coverage.unrecorded > 0)
    add(
      'fail',
      'unrecorded-login',
      `${coverage.unrecorded} of ${coverage.logins} logins are not recorded now.`,
      "The agent's log names them.",
    )
  add('ok', 'sessions', `${sessions.length} sessions are being recorded.`)
  return findings
}

function some(users: string[]): string {
  return users.length <= 5 ? users.join(', ') : `${users.slice(0, 4).join(', ')} and ${users.length - 4} more`
}
