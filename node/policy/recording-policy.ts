import type { Facts } from '../../format/records.ts'

// SPEC S2: what is recorded of a session. One policy is active; these five are always there.

/** `screen`: everything, events only, or nothing. `notify`: the user is told. */
export interface RecordingDecision {
  screen: 'entire' | 'events' | 'none'
  notify: boolean
}

export interface RecordingPolicy {
  id: string
  name: string
  decision: RecordingDecision
}

export const systemPolicies: readonly RecordingPolicy[] = [
  { id: 'do-not-record', name: 'Do not record', decision: { screen: 'none', notify: false } },
  {
    id: 'events-with-notification',
    name: 'Record only events, with notification',
    decision: { screen: 'events', notify: true },
  },
  {
    id: 'events-without-notification',
    name: 'Record only events, without notification',
    decision: { screen: 'events', notify: false },
  },
  {
    id: 'entire-with-notification',
    name: 'Record entire sessions, with notification',
    decision: { screen: 'entire', notify: true },
  },
  {
    id: 'entire-without-notification',
    name: 'Record entire sessions, without notification',
    decision: { screen: 'entire', notify: false },
  },
]

/** What a farm begins with: nobody is recorded before somebody decides so. */
export const firstPolicy = 'do-not-record'

export function policyOf(id: string): RecordingPolicy | undefined {
  return systemPolicies.find((policy) => policy.id === id)
}

/** What the policy says about a session that begins now. */
export function decideRecording(policy: RecordingPolicy, _facts: Facts): RecordingDecision {
  return policy.decision
}
