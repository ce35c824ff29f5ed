import { utf8 } from '../../format/bytes.ts'
import type { Facts } from '../../format/records.ts'
import type { Bus } from '../bus/bus.ts'
import type { CatalogDatabase } from '../catalog/open-catalog.ts'
import { readSetting, writeSetting } from '../catalog/settings.ts'
import {
  decideRecording,
  firstPolicy,
  policyOf,
  type RecordingDecision,
  type RecordingPolicy,
} from './recording-policy.ts'

/** Logins come in bursts; a policy that was just read is the policy. SPEC S6 gives changes a minute to act. */
const keptMs = 2000
export const policySetting = 'recordingPolicy'

export interface ActivePolicy {
  /** Rejects when the catalog cannot tell. */
  current(): Promise<RecordingPolicy>
  /** False when there is no such policy. */
  activate(id: string): Promise<boolean>
  decide(facts: Facts): Promise<RecordingDecision>
}

export function openActivePolicy(db: CatalogDatabase, bus: Bus): ActivePolicy {
  let kept: { policy: Promise<RecordingPolicy>; untilMs: number } | undefined
  bus.subscribe('policy', () => {
    kept = undefined
  })
  const read = async () =>
    policyOf((await readSetting(db, policySetting)) ?? firstPolicy) ?? policyOf(firstPolicy)!
  const current = () => {
    if (kept && Date.now() < kept.untilMs) return kept.policy
    const policy = read()
    kept = { policy, untilMs: Date.now() + keptMs }
    policy.catch(() => {
      kept = undefined
    })
    return policy
  }
  return {
    current,
    async activate(id) {
      if (!policyOf(id)) return false
      await writeSetting(db, policySetting, id)
      kept = undefined
      bus.publish('policy', utf8(id))
      return true
    },
    decide: async (facts) => decideRecording(await current(), facts),
  }
}
