import { hostStatus } from '../../agent/host/status.ts'
import { swapsLogs, waysAround } from '../../agent/host/ways-around.ts'
import type { Finding } from './finding.ts'

/** Whose logins are recorded, and which ways around remain. */
export async function hostFindings(): Promise<Finding[]> {
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

function some(users: string[]): string {
  return users.length <= 5 ? users.join(', ') : `${users.slice(0, 4).join(', ')} and ${users.length - 4} more`
}
