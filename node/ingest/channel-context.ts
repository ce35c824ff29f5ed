import type { Crypto, Signer } from '../../format/ports.ts'
import type { Facts } from '../../format/records.ts'
import type { NodeMessage } from '../../wire/messages.ts'
import type { LiveHub } from '../live/live-hub.ts'
import type { Store } from '../store/store.ts'
import type { AckBatch } from './ack-batch.ts'
import type { Channel } from './channel.ts'
import type { CoverageWatch } from './coverage-watch.ts'
import type { CreditPool } from './credit-pool.ts'
import type { FarmTokens } from './farm-tokens.ts'
import type { FilePool } from './file-pool.ts'
import type { IngestLog } from './ingest-log.ts'
import type { Lanes } from './lanes.ts'
import type { IngestLimits } from './limits.ts'
import type { ProgressQueue } from './progress-queue.ts'
import type { RecordingRegister } from './register.ts'
import type { StoreTroubles } from './store-troubles.ts'
import type { StreamOwners } from './stream-owners.ts'
import type { Twins } from './twins.ts'

/** What ingest needs from policy: what is recorded of a session that is about to begin. Rejects when it cannot tell now. */
export interface Decisions {
  decide(facts: Facts): Promise<{ screen: 'entire' | 'events' | 'none'; notify: boolean }>
}

/** What all channels of a worker share. */
export interface ChannelContext {
  signer: Signer
  crypto: Crypto
  store: Store
  register: RecordingRegister
  live: LiveHub
  log: IngestLog
  limits: IngestLimits
  tokens: FarmTokens
  lanes: Lanes
  files: FilePool
  credit: CreditPool
  owners: StreamOwners
  troubles: StoreTroubles
  twins: Twins
  decisions: Decisions
  coverage: CoverageWatch
  progress: ProgressQueue<Channel>
  /** `lostBytes` = what agents could not keep and sent a GAP for; `acks` took `ackMs` from the first byte's coming. */
  counts: { acceptedBytes: number; durableBytes: number; lostBytes: number; acks: number; ackMs: number }
}

/** A channel's side of its connection. */
export interface ChannelPeer {
  readonly agent: string
  readonly acks: AckBatch
  send(message: NodeMessage): void
  /** The channel is over for good; its number may be used again. */
  ended(channel: number): void
}
