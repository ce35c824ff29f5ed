import { setTimeout as sleep } from 'node:timers/promises'
import type { Facts } from '../../format/records.ts'
import type { DesktopOwner } from '../capture/desktop/desktop-owner.ts'
import type { Decision } from '../uplink/uplink.ts'
import { accountsInScope, isOrdinary } from './accounts.ts'
import { hostPaths } from './host-paths.ts'
import { parseHostConf } from './host-settings.ts'
import { contentOf } from './undo-list.ts'

// Whose desktops a host records: those of the users whose logins it records.

/** Nobody waits for a desktop to be recorded, and at its start an agent is not connected yet. */
const askMsMax = 15_000
const askAgainMs = 1000

/** Without host.conf every ordinary user is covered. */
export async function coversDesktop({ user, uid }: DesktopOwner): Promise<boolean> {
  const conf = await contentOf(hostPaths.hostConf)
  if (conf === undefined) return isOrdinary(uid)
  return (await accountsInScope(parseHostConf(conf))).some(({ name }) => name === user)
}

/** Whether a desktop is recorded. Where nobody can tell, host.conf's `onError` holds; a desktop cannot be denied. */
export async function mayRecordDesktop(
  facts: Facts,
  decide: (facts: Facts) => Promise<Decision | undefined>,
  signal: AbortSignal,
): Promise<boolean> {
  for (const untilMs = performance.now() + askMsMax; performance.now() < untilMs; ) {
    const decision = await decide(facts)
    if (decision || signal.aborted) return decision?.screen !== 'none'
    await sleep(askAgainMs, undefined, { signal }).catch(() => undefined)
  }
  const conf = await contentOf(hostPaths.hostConf)
  return conf === undefined || parseHostConf(conf).onError !== 'skip'
}
