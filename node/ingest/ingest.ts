import type { WebSocket } from 'ws'
import type { Crypto, Signer } from '../../format/ports.ts'
import type { StreamName } from '../../format/records.ts'
import type { LiveHub } from '../live/live-hub.ts'
import type { FrameTable } from '../store/frame-table.ts'
import type { Store } from '../store/store.ts'
import type { RecordingRegister } from './register.ts'

/** pino's shape. */
export interface IngestLog {
  info(facts: object, text: string): void
  warn(facts: object, text: string): void
  error(facts: object, text: string): void
}

export interface IngestOptions {
  /** This node's name, told in `welcome`. */
  node: string
  /** The farm's key: signs places and receipts; its public part checks certificates. */
  signer: Signer
  crypto: Crypto
  store: Store
  register: RecordingRegister
  live: LiveHub
  log: IngestLog
  limits?: Partial<import('./limits.ts').IngestLimits>
}

export interface IngestStats {
  connections: number
  channels: number
  /** Channels whose stream cannot be opened or written now. */
  waiting: number
  acceptedBytes: number
  durableBytes: number
  /** Credit promised and not yet used up. */
  reservedBytes: number
  storeErrors: number
  /** The newest trouble of the store, until it is over. */
  trouble?: { code: string; text: string; sinceMs: number }
  agents: { agent: string; host: string; remoteAddress: string; sinceMs: number; channels: number }[]
}

export interface Ingest {
  /** A WebSocket of `/agent/v1`, accepted with `agentSocketOptions` (wire limits, subprotocol). */
  handle(socket: WebSocket, remoteAddress: string): void
  /** Frame table of a stream that is open here. */
  frames(recording: string, stream: StreamName): FrameTable | undefined
  /** Ends an open recording that was deleted: its agent gets the receipt `discarded`. */
  discard(recording: string): void
  /** Cuts an agent's connections now; without it a revoked agent is cut off within a minute. */
  disconnect(agentId: string): void
  stats(): IngestStats
  /** Tells agents to go elsewhere, finishes what has come, acknowledges it, closes their connections. */
  drain(): Promise<void>
  close(): Promise<void>
}

export declare function openIngest(options: IngestOptions): Promise<Ingest>
