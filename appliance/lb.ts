import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { applyFarm } from '../lb/apply.ts'
import { applyKeepalived } from '../lb/apply-keepalived.ts'
import { certificateProblems } from '../lb/certificate.ts'
import { checkHaproxyConfig, checkKeepalivedConfig } from '../lb/check-config.ts'
import type { Balancer, Farm } from '../lb/farm.ts'
import { type Finding, probeNode } from '../lb/probe-node.ts'
import { renderHaproxy } from '../lb/render-haproxy.ts'
import { renderKeepalived } from '../lb/render-keepalived.ts'
import { CommandError } from './command-error.ts'
import { print, told } from './lb-output.ts'
import { escapeControls } from './print.ts'
import { type FarmOptions, readFarm } from './read-farm.ts'

interface Options extends FarmOptions {
  json?: boolean
}

export async function render(options: Options & { keepalived?: boolean }): Promise<void> {
  await told(async () => {
    const { farm, balancer } = await readFarm(options)
    const text = options.keepalived ? keepalivedOf(farm, balancer) : renderHaproxy(farm, balancer)
    print(options, { text }, text)
  })
}

/** False when something is not as it must be. */
export async function check(options: Options & { offline?: boolean }): Promise<boolean> {
  return await told(async () => {
    const { farm, balancer } = await readFarm(options)
    await checkHaproxyConfig(farm, renderHaproxy(farm, balancer))
    const findings: Finding[] = [{ at: 'haproxy', ok: true, text: 'takes the configuration' }]
    if (farm.floating) {
      await checkKeepalivedConfig(keepalivedOf(farm, balancer))
      findings.push({ at: 'keepalived', ok: true, text: 'takes the configuration' })
    }
    if (farm.tls.mode === 'ended') findings.push(await ownCertificate(farm, farm.tls.certificate))
    if (!options.offline)
      findings.push(...(await Promise.all(farm.nodes.map((node) => probeNode(farm, balancer, node)))).flat())
    const lines = findings.map(({ at, ok, text, hint }) =>
      escapeControls(`${ok ? 'ok  ' : 'BAD '} ${at} ${text}${hint && !ok ? `. ${hint}` : ''}`),
    )
    print(options, { findings }, `${lines.join('\n')}\n`)
    return findings.every(({ ok }) => ok)
  })
}

export async function apply(
  options: Options & {
    config: string
    masterSocket: string
    /** `false` for --no-reload, `true` for --reload. */
    reload?: boolean
    keepalived?: string
    keepalivedPid: string
  },
): Promise<void> {
  const { config, masterSocket, reload, keepalived, keepalivedPid } = options
  await told(async () => {
    const { farm, balancer } = await readFarm(options)
    const applied = await applyFarm({
      farm,
      balancer,
      config,
      ...(reload !== false && { masterSocket }),
      reloadAlways: reload === true,
    })
    const floating =
      keepalived === undefined
        ? undefined
        : await applyKeepalived({ farm, balancer, file: keepalived, pidFile: keepalivedPid })
    const { changes, reloaded, drained } = applied
    const said = [
      ...changes,
      changes.length === 0 ? `${config} is as it should be.` : `${config} is written.`,
      reloaded ? 'HAProxy runs it; connections of before are served by its old process.' : '',
      reload === false ? 'HAProxy was not told; it reads the file when it starts.' : '',
      drained.length > 0 ? `Still drained: ${drained.join(', ')}.` : '',
      floating ? `${keepalived} is ${floating}.` : '',
    ]
    print(options, { ...applied, ...(floating && { keepalived: floating }) }, lines(said))
  })
}

function keepalivedOf(farm: Farm, balancer: Balancer): string {
  if (farm.floating) return renderKeepalived({ ...farm, floating: farm.floating }, balancer)
  throw new CommandError(
    'lb-floating',
    'The farm has no floating address.',
    'Say `floating` in the farm file.',
  )
}

async function ownCertificate({ names }: Farm, path: string): Promise<Finding> {
  const problems = certificateProblems(new X509Certificate(await readFile(path)), names)
  return {
    at: path,
    ok: problems.length === 0,
    text: problems.join('; ') || 'names the farm',
    hint: `One certificate names the farm and all its nodes: ${names.join(', ')}.`,
  }
}

function lines(said: string[]): string {
  return said
    .filter((line) => line !== '')
    .map((line) => `${escapeControls(line)}\n`)
    .join('')
}
