import type { WebSocket } from 'ws'
import { farmIdOf } from '../../codec/ed25519.ts'
import type { FrameTable } from '../../format/frame-entry.ts'
import type { Crypto, Signer } from '../../format/ports.ts'
import type { StreamName } from '../../format/records.ts'
import type { Questions } from '../bus/questions.ts'
import type { LiveHub } from '../live/live-hub.ts'
import type { Store } from '../store/store.ts'
import type { Channel } from './channel.ts'
import type { ChannelContext, Decisions } from './channel-context.ts'
import { Connection } from './connection.ts'
import { CoverageWatch } from './coverage-watch.ts'
import { CreditPool } from './credit-pool.ts'
import { descriptorShare } from './descriptor-share.ts'
import { openFarmTokens } from './farm-tokens.ts'
import { FilePool } from './file-pool.ts'
import { revoked } from './hello.ts'
import type { IngestLog } from './ingest-log.ts'
import { Lanes } from './lanes.ts'
import { defaultLimits, type IngestLimits } from './limits.ts'
import { ProgressQueue } from './progress-queue.ts'
import type { RecordingRegister } from './register.ts'
import { StoreTroubles, type Trouble } from './store-troubles.ts'
import { StreamOwners } from './stream-owners.ts'
import { Twins } from './twins.ts'

// Where recordings come in: agents' sockets in, files out, the catalog and viewers told.

export interface IngestOptions {
  /** This node's name, told in `welcome`. */
  node: string
  /** The farm's key: signs places and receipts; its public part checks certificates. */
  signer: Signer
  crypto: Crypto
  store: Store
  register: RecordingRegister
  live: LiveHub
  decisions: Decisions
  log: IngestLog
  /** To the other processes of the farm. */
  questions?: Questions
  limits?: Partial<IngestLimits>
}

export interface IngestStats {
  connections: number
  channels: number
  /** Channels whose stream cannot be opened or written now. */
  waiting: number
  acceptedBytes: number
  durableBytes: number
  /** Of GAPs that agents sent for what they could not keep. */
  lostBytes: number
  acks: number
  /** From the coming of the first byte to its ack, of all acks. */
  ackMs: number
  /** Credit promised and not yet used up. */
  reservedBytes: number
  storeErrors: number
  /** The newest trouble, until it is over. */
  trouble?: Trouble
  /** Logins that nobody records, told by agents since this node started. */
  unrecordedLogins: number
  agents: {
    agent: string
    host: string
    remoteAddress: string
    sinceMs: number
    channels: number
    /** Logins that nobody records, now and in the last hour; only agents of whole hosts tell. */
    unrecordedLogins?: number
  }[]
}

export interface Ingest {
  /** A WebSocket of `/agent/v1`, from a server made with `agentSocketOptions`. */
  handle(socket: WebSocket, remoteAddress: string): void
  /** Frame table of a stream that is open here. */
  frames(recording: string, stream: StreamName): FrameTable | undefined
  /** Ends the open streams of a recording that was deleted: its agent gets the receipt `discarded`. */
  discard(recording: string): void
  /** Cuts an agent's connections now; without it a revoked agent is cut off within a minute. */
  disconnect(agentId: string): void
  stats(): IngestStats
  /** Tells agents to go elsewhere, finishes what has come, acknowledges it, closes their connections. */
  drain(): Promise<void>
  /** As `drain` for what has come, but says nothing to agents. */
  close(): Promise<void>
}

export async function openIngest(options: IngestOptions): Promise<Ingest> {
  const { node, signer, crypto, store, register, live, decisions, log } = options
  const limits = { ...defaultLimits, ...options.limits }
  const connections = new Set<Connection>()
  const owners = new StreamOwners()
  const context: ChannelContext = {
    signer,
    crypto,
    store,
    register,
    live,
    log,
    limits,
    tokens: openFarmTokens(farmIdOf(signer.publicKey), signer, crypto),
    lanes: new Lanes(limits),
    files: new FilePool(Math.min(limits.openFilesMax, await descriptorShare())),
    credit: new CreditPool(limits.creditBytesMax, limits.channelCreditBytesMax),
    owners,
    troubles: new StoreTroubles(log),
    twins: new Twins(options.questions),
    decisions,
    coverage: new CoverageWatch(log),
    progress: new ProgressQueue<Channel>(limits.progressMs, (channel) => channel.tellProgress()),
    counts: { acceptedBytes: 0, durableBytes: 0, lostBytes: 0, acks: 0, ackMs: 0 },
  }
  const stopWatching = live.onWatched((recording, stream, on) => owners.get(recording, stream)?.live(on))
  let open = true

  const channels = () => [...connections].flatMap((connection) => [...connection.channels])
  const close = async () => {
    open = false
    stopWatching()
    const all = [...connections]
    for (const connection of all) connection.terminate()
    await Promise.all(all.map((connection) => connection.closeChannels()))
    context.progress.flush()
    await context.files.closeAll()
  }

  return {
    handle(socket, remoteAddress) {
      if (!open) {
        socket.close(1001, 'drain')
        return
      }
      const connection: Connection = new Connection(context, node, socket, remoteAddress, () =>
        connections.delete(connection),
      )
      connections.add(connection)
    },
    frames: (recording, stream) => owners.get(recording, stream)?.frames(),
    discard(recording) {
      for (const stream of ['cast', 'rfb'] as const) owners.get(recording, stream)?.discard()
    },
    disconnect(agentId) {
      for (const connection of connections) if (connection.agent === agentId) connection.refuse(revoked())
    },
    stats() {
      const welcome = [...connections].filter((connection) => connection.isWelcome)
      const trouble = context.troubles.newest
      return {
        connections: welcome.length,
        channels: channels().length,
        waiting: channels().filter((channel) => channel.waiting).length,
        ...context.counts,
        reservedBytes: context.credit.reservedBytes,
        storeErrors: context.troubles.errors,
        unrecordedLogins: context.coverage.total,
        ...(trouble && { trouble }),
        agents: welcome.map(({ agent, host, remoteAddress, sinceMs, channelCount, unrecordedLogins }) => ({
          agent,
          host,
          remoteAddress,
          sinceMs,
          channels: channelCount,
          ...(unrecordedLogins !== undefined && { unrecordedLogins }),
        })),
      }
    },
    async drain() {
      open = false
      const gone = Promise.all([...connections].map((connection) => connection.drain('drain')))
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, limits.drainMs)
      })
      await Promise.race([gone, late])
      clearTimeout(timer)
      await close()
    },
    close,
  }
}
