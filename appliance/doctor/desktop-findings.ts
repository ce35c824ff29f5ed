import { existsSync } from 'node:fs'
import { hasX0vncserver } from '../../agent/capture/desktop/x-display-source.ts'
import { type AgentConfig, loadAgentConfig } from '../../agent/config.ts'
import type { Home } from '../home.ts'
import type { AgentStatus } from '../status.ts'
import type { Finding } from './finding.ts'

/** With these there are displays that only x0vncserver can read. */
const xServers = ['/usr/bin/Xorg', '/usr/lib/xorg/Xorg', '/usr/sbin/xrdp']

/** Whether desktops are recorded, and what is missing. */
export async function desktopFindings(home: Home, state: AgentStatus): Promise<Finding[]> {
  let config: AgentConfig
  try {
    config = await loadAgentConfig(home.agent)
  } catch {
    // Told by who asked for the farm's address.
    return []
  }
  const { find, named } = config.desktops
  if (!find && named.length === 0) {
    if (!config.host) return []
    const hint = 'Take desktops out of agent.json, or set it to true, and restart the agent.'
    return [{ level: 'warn', code: 'desktops-off', text: 'Desktops of this host are not recorded.', hint }]
  }
  const findings: Finding[] = []
  if (!hasX0vncserver() && xServers.some((path) => existsSync(path)))
    findings.push({
      level: 'warn',
      code: 'x0vncserver',
      text: 'X displays cannot be read: x0vncserver is not installed.',
      hint: 'Install tigervnc-scraping-server. Desktops of TigerVNC are recorded without it.',
    })
  const desktops = state.desktops ?? []
  for (const { name, user, trouble } of desktops)
    if (trouble)
      findings.push({
        level: 'fail',
        code: 'desktop',
        text: `The desktop ${name} of ${user} is not recorded now: ${trouble.text} [${trouble.code}]`,
        ...(trouble.hint && { hint: trouble.hint }),
      })
  const well = desktops.filter(({ trouble }) => !trouble).length
  findings.push({ level: 'ok', code: 'desktops', text: `${well} desktops are being recorded.` })
  return findings
}
