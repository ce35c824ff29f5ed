import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { hostPaths } from '../agent/host/host-paths.ts'
import { nodeConfigPath } from '../node/config.ts'
import { asOwnerOf } from './as-owner.ts'
import { agentFindings } from './doctor/agent-findings.ts'
import type { Finding } from './doctor/finding.ts'
import { hostFindings } from './doctor/host-findings.ts'
import { lbFindings } from './doctor/lb-findings.ts'
import { nodeFindings } from './doctor/node-findings.ts'
import { type Home, homePaths } from './home.ts'
import { places } from './install/places.ts'
import { escapeControls } from './print.ts'

// `tapedeck doctor`: looks at every part this machine has of Tapedeck and says what to do about what it finds.

export interface DoctorOptions {
  json?: boolean
  farm?: string
  config?: string
}

export async function doctor(home: Home, options: DoctorOptions): Promise<void> {
  const findings: Finding[] = []
  if (existsSync(hostPaths.hostConf)) findings.push(...(await hostFindings()))
  const homes = [...new Set([home.root, places.nodeHome, places.agentHome])].map(homePaths)
  for (const one of homes) {
    // As the node's user: root may read and write where it may not.
    if (existsSync(nodeConfigPath(one.root)))
      findings.push(...(await asOwnerOf(one.node, () => nodeFindings(one))))
    if (existsSync(join(one.agent, 'agent.json'))) findings.push(...(await agentFindings(one)))
  }
  const { farm = places.farmFile, config = places.haproxyConfig } = options
  if (existsSync(farm)) findings.push(...(await lbFindings(farm, config)))
  if (findings.length === 0)
    findings.push({
      level: 'warn',
      code: 'nothing',
      text: `Nothing of Tapedeck is set up in ${home.root} or on this host.`,
      hint: "Start with 'tapedeck up', or 'tapedeck install'.",
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
