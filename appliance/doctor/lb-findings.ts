import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { certificateProblems } from '../../lb/certificate.ts'
import { checkHaproxyConfig } from '../../lb/check-config.ts'
import type { Balancer, Farm } from '../../lb/farm.ts'
import { parseInstalled } from '../../lb/installed.ts'
import { parseFarm } from '../../lb/parse-farm.ts'
import { probeNode } from '../../lb/probe-node.ts'
import { renderHaproxy } from '../../lb/render-haproxy.ts'
import { readStatus } from '../../lb/runtime.ts'
import type { Finding } from './finding.ts'

/** Whether HAProxy runs what the farm file says, and reaches the nodes and the other balancer. */
export async function lbFindings(farmFile: string, configFile: string): Promise<Finding[]> {
  let farm: Farm
  let config: string
  try {
    farm = parseFarm(JSON.parse(await readFile(farmFile, 'utf8')))
    config = await readFile(configFile, 'utf8')
  } catch (error) {
    return [
      {
        level: 'fail',
        code: 'farm-file',
        text: (error as Error).message,
        hint: 'docs/farm.md says what is in it.',
      },
    ]
  }
  const balancer = thisOne(farm, config)
  if (!balancer)
    return [
      {
        level: 'fail',
        code: 'lb-config',
        text: `${configFile} is not what ${farmFile} says for any of its balancers.`,
        hint: "Bring it there: 'tapedeck lb apply'.",
      },
    ]
  const findings: Finding[] = [await takesConfig(farm, config), ...(await ownCertificate(farm))]
  for (const node of farm.nodes)
    for (const { at, ok, text, hint } of await probeNode(farm, balancer, node))
      findings.push({
        level: ok ? 'ok' : 'fail',
        code: 'lb-node',
        text: `${at} ${text}.`,
        ...(!ok && hint && { hint }),
      })
  return [...findings, ...(await running(config))]
}

/** The one whose configuration this is; by name where there are more that are the same. */
function thisOne(farm: Farm, config: string): Balancer | undefined {
  const same = farm.balancers.filter((balancer) => renderHaproxy(farm, balancer) === config)
  return same.find(({ name }) => name === hostname()) ?? same[0]
}

async function takesConfig(farm: Farm, config: string): Promise<Finding> {
  try {
    await checkHaproxyConfig(farm, config)
    return { level: 'ok', code: 'haproxy', text: 'HAProxy takes its configuration.' }
  } catch (error) {
    const { message, hint = '' } = error as Error & { hint?: string }
    return { level: 'fail', code: 'haproxy', text: message, hint }
  }
}

async function ownCertificate({ tls, names }: Farm): Promise<Finding[]> {
  if (tls.mode !== 'ended') return []
  const hint = `It names the farm and all its nodes: ${names.join(', ')}. After renewing: 'tapedeck lb apply --reload'.`
  try {
    const problems = certificateProblems(new X509Certificate(await readFile(tls.certificate)), names)
    return problems.map((text) => ({
      level: /ends soon/.test(text) ? 'warn' : 'fail',
      code: 'certificate',
      text: `${tls.certificate}: ${text}.`,
      hint,
    }))
  } catch (error) {
    const text = `${tls.certificate} cannot be used: ${(error as Error).message}.`
    return [{ level: 'fail', code: 'certificate', text, hint }]
  }
}

async function running(config: string): Promise<Finding[]> {
  try {
    const { version, nodes, peers } = await readStatus(parseInstalled(config)!)
    const findings: Finding[] = [{ level: 'ok', code: 'haproxy', text: `HAProxy ${version} runs.` }]
    for (const { node, backend, state, check } of nodes)
      if (state !== 'up')
        findings.push({
          level: state === 'down' ? 'fail' : 'warn',
          code: 'lb-state',
          text: `${node} is ${state} for ${backend}: ${check}.`,
          hint:
            state === 'down'
              ? "'tapedeck doctor' on that node says why."
              : `'tapedeck lb ready ${node}' sends connections there again.`,
        })
    for (const { name, connected } of peers)
      if (!connected)
        findings.push({
          level: 'warn',
          code: 'lb-peer',
          text: `The balancer ${name} is not connected: who comes to it may get another node.`,
          hint: 'Is it up, and is the peers port open between them?',
        })
    return findings
  } catch (error) {
    return [
      {
        level: 'fail',
        code: 'haproxy',
        text: (error as Error).message,
        hint: "Start it: 'systemctl start tapedeck-lb'. Its log: 'journalctl -u tapedeck-lb'.",
      },
    ]
  }
}
