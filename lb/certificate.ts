import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'

/** Sooner is told as trouble: a renewal takes days where people sign by hand. */
const soonMs = 14 * 86_400_000

/** What is wrong with a certificate of the farm. SPEC S21: one names the balancer and every node. */
export function certificateProblems(
  certificate: X509Certificate,
  names: readonly string[],
  nowMs = Date.now(),
): string[] {
  const missing = names.filter((name) =>
    isIP(name) ? certificate.checkIP(name) === undefined : certificate.checkHost(name) === undefined,
  )
  const endsMs = certificate.validToDate.getTime()
  const ends = certificate.validToDate.toISOString().slice(0, 10)
  return [
    ...(missing.length > 0 ? [`its certificate does not name ${missing.join(', ')}`] : []),
    ...(endsMs < nowMs ? [`its certificate ended ${ends}`] : []),
    ...(endsMs >= nowMs && endsMs < nowMs + soonMs ? [`its certificate ends soon, ${ends}`] : []),
  ]
}
