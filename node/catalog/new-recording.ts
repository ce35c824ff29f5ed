import { recordingStartMs } from '../../format/recording-id.ts'
import type { Facts } from '../../format/records.ts'
import type { NewRecording } from './schema.ts'
import { searchWords } from './search-words.ts'

/** The row of a recording of which nothing but its first HEAD is known. */
export function newRecording(of: {
  recording: string
  facts: Facts
  agent: string
  node: string
  place: { store: string; path: string }
  openedMs: number
}): NewRecording {
  const { facts, place } = of
  const shown = {
    userName: facts.user,
    host: facts.host,
    application: facts.application,
    command: facts.command,
    clientName: facts.client.name,
    clientAddress: facts.client.address,
  }
  return {
    id: of.recording,
    session: facts.session,
    sequence: facts.sequence,
    ...shown,
    words: searchWords(shown),
    type: facts.type,
    state: 'live',
    // The id is checked; the facts' own time is whatever the agent's clock said.
    startMs: recordingStartMs(of.recording),
    endMs: null,
    endUs: 0,
    bytes: 0,
    screenBytes: 0,
    screenSealedBytes: 0,
    screenGaps: 0,
    screenEnd: null,
    sealedBytes: 0,
    rawBytes: 0,
    frames: 0,
    gaps: 0,
    proof: 'unproven',
    problem: null,
    endReason: null,
    exitStatus: null,
    exitSignal: null,
    agent: of.agent,
    node: of.node,
    store: place.store,
    path: place.path,
    facts: JSON.stringify(facts),
    lostMs: null,
    openedMs: of.openedMs,
  }
}
