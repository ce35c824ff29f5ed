import type { EndReason, Facts, StreamName } from '../../format/records.ts'
import type { StorePlace } from '../store/store-place.ts'

// What ingest needs from the catalog. The store stays the truth (I6): everything told here can be read from the files again.

export interface OpenedRecording {
  recording: string
  stream: StreamName
  /** Agent id from the certificate of the connection. */
  agent: string
  facts: Facts
  place: StorePlace
  /** ms since the epoch, this node's clock. */
  openedMs: number
}

/** `sealed`: all up to the last SEAL is proven. `unproven`: nothing is yet. `failed`: a digest, chain or signature is wrong. */
export type Proof = 'sealed' | 'unproven' | 'failed'

/** What is known of a stream now; later calls replace earlier ones. Sizes in bytes, times in µs since the recording's start. */
export interface RecordingProgress {
  stream: StreamName
  /** In the store and synced. */
  sizeBytes: number
  sealedBytes: number
  rawBytes: number
  frames: number
  gaps: number
  endUs: number
  proof: Proof
  /** The first thing found wrong, for `failed`. */
  problem?: { code: string; text: string }
}

export interface CompletedRecording extends RecordingProgress {
  /** `lost` where the stream has no readable END. */
  endReason: EndReason
  exit?: number
  signal?: number
}

export interface RecordingRegister {
  /** Enrolled and not revoked; `moved` when `machine` is another than it was enrolled on. Asked at every connection and once a minute. */
  agentStanding(agentId: string, machine?: string): Promise<'allowed' | 'revoked' | 'moved'>
  /** Whether `agentId` took the place of `former` when it renewed its identity: its recordings are this one's to send. */
  succeeds(agentId: string, former: string): Promise<boolean>
  /** The agent's connection is alive: `dormant` is judged by this. Called about every 10 s, never awaited. */
  heartbeat(agentId: string): void
  /** Idempotent. `discarded` = deleted on purpose: the agent is told to forget it. Rejects when it cannot tell now. */
  opened(row: OpenedRecording): Promise<'accepted' | 'discarded'>
  /** Called at most about once a second a stream; the newest counts. Must not throw. */
  progress(recording: string, progress: RecordingProgress): void
  /** Idempotent; resolves once committed, since the final receipt lets the agent delete its copy (I6). */
  completed(recording: string, completed: CompletedRecording): Promise<void>
}
