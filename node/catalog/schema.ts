import type { Generated, Insertable, Selectable } from 'kysely'
import type { EndReason } from '../../format/records.ts'
import type { Proof } from '../ingest/register.ts'

// The catalog's tables, as in migrations.ts. Times `…Ms` are ms since the epoch; secrets lie here only as SHA-256.
// Recordings, places and agents can be read from the store again (I6); users, tokens and tombstones cannot.

export type RecordingState = 'live' | 'complete' | 'dormant' | 'archived'

export interface RecordingsTable {
  /** Order of arrival; joins the search index. */
  row: Generated<number>
  id: string
  session: string
  sequence: number
  userName: string
  host: string
  application: string
  command: string
  clientName: string
  clientAddress: string
  type: string
  state: RecordingState
  startMs: number
  /** Set when it is complete. */
  endMs: number | null
  endUs: number
  bytes: number
  screenBytes: number
  screenSealedBytes: number
  screenGaps: number
  /** Set when the screen of a desktop is complete. */
  screenEnd: EndReason | null
  sealedBytes: number
  rawBytes: number
  frames: number
  gaps: number
  proof: Proof
  problem: string | null
  endReason: EndReason | null
  exitStatus: number | null
  exitSignal: number | null
  agent: string
  node: string
  store: string
  path: string
  facts: string
  /** What the quick search looks in. */
  words: string
  /** When the agent was found silent. */
  lostMs: number | null
  openedMs: number
}

export interface Database {
  recordings: RecordingsTable
  /** Deleted on purpose: its agent is answered `discarded`. */
  tombstones: { recording: string; deletedMs: number; deletedBy: string }
  users: { name: string; password: string | null; roles: string; createdMs: number }
  /** Signed-in browsers. */
  signIns: { hash: string; userName: string; csrf: string; createdMs: number; seenMs: number }
  /** One-time sign-in links. */
  tickets: { hash: string; userName: string; expiresMs: number }
  apiTokens: { hash: string; userName: string; label: string; createdMs: number }
  agents: {
    id: string
    host: string
    machine: string
    publicKey: string
    enrolledMs: number
    revokedMs: number | null
    /** The heartbeat: when a connection of this agent was last alive. */
    seenMs: number
    parent: string | null
  }
  settings: { name: string; value: string }
  enrolmentTokens: { hash: string; usesLeft: number; expiresMs: number; createdBy: string }
}

export type RecordingRow = Selectable<RecordingsTable>
export type NewRecording = Insertable<RecordingsTable>
