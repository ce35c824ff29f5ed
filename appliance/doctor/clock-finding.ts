import { duration } from '../print.ts'
import type { Finding } from './finding.ts'

/** Times in lists and logs are compared by people. */
const warnMs = 2_000
/** Tokens and sign-ins end at a time. */
const failMs = 60_000

/** `skewMs` = the other's clock less ours. */
export function clockFinding(other: string, skewMs: number): Finding {
  const off = Math.abs(skewMs)
  if (off < warnMs) return { level: 'ok', code: 'clock', text: `This clock and that of ${other} agree.` }
  const by = off < 3_600_000 ? `${Math.round(off / 1000)} s` : duration(off)
  return {
    level: off < failMs ? 'warn' : 'fail',
    code: 'clock',
    text: `This clock is ${by} ${skewMs > 0 ? 'behind' : 'ahead of'} that of ${other}.`,
    hint: "Let both follow one time server: 'timedatectl set-ntp true'.",
  }
}
