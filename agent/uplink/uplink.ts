import { setTimeout as sleep } from 'node:timers/promises'
import { Backoff } from './backoff.ts'
import { ChannelSet, type ChannelSetOptions } from './channel-set.ts'
import { FarmConnection, type FarmConnectionOptions } from './farm-connection.ts'

// The agent's one connection to the farm.
//
//   away ── connect ──▶ greeting ── welcome ──▶ connected ── lost, refused, drained ──▶ away, after a wait

/** A connection that held for so long, or brought acks, shows that the farm is well: the next wait is short again. */
const steadyMs = 10_000

export interface UplinkOptions
  extends Pick<FarmConnectionOptions, 'url' | 'ca' | 'version'>,
    Omit<ChannelSetOptions, 'acked'> {
  /** Between two connections; tests wait less. */
  backoff?: Backoff
}

export interface ConnectionStatus {
  state: 'away' | 'greeting' | 'connected'
  node?: string
  /** ms since the epoch. */
  sinceMs: number
  lastError?: string
}

export class Uplink {
  readonly #options: UplinkOptions
  readonly #closing = new AbortController()
  readonly #backoff: Backoff
  /** What nodes acknowledged, also across connections. */
  readonly #acked = new Map<string, number>()
  #connection: FarmConnection | undefined
  #channels: ChannelSet | undefined
  #status: ConnectionStatus = { state: 'away', sinceMs: Date.now() }
  #running: Promise<void> | undefined

  constructor(options: UplinkOptions) {
    this.#options = options
    this.#backoff = options.backoff ?? new Backoff()
  }

  get status(): ConnectionStatus {
    return this.#status
  }

  acked(recording: string): number {
    return this.#acked.get(recording) ?? 0
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** A recording was added, or more of it is durable. */
  notify(recording: string): void {
    this.#channels?.notify(recording)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#connection?.close()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    let told = ''
    while (!signal.aborted) {
      this.#setStatus('greeting', this.#status.lastError)
      const reason = await this.#connect()
      if (reason !== told && !signal.aborted)
        this.#options.log.warn({ code: 'uplink', url: this.#options.url, reason }, 'no connection')
      told = reason
      this.#setStatus('away', reason)
      await sleep(this.#backoff.next(), undefined, { signal }).catch(() => undefined)
    }
  }

  // Resolves when the connection has ended and nothing of it is left, with why it did.
  async #connect(): Promise<string> {
    let welcomeMs = Number.POSITIVE_INFINITY
    let drained = false
    try {
      const connection = new FarmConnection({
        ...this.#options,
        onWelcome: (node) => {
          welcomeMs = Date.now()
          this.#setStatus('connected', undefined, node)
          this.#options.log.info({ code: 'connected', node }, 'connected')
          this.#channels = new ChannelSet(connection, { ...this.#options, acked: this.#acked })
        },
        onMessage: (message) => {
          if (message.type === 'drain') drained = true
          this.#channels?.onMessage(message)
        },
      })
      this.#connection = connection
      if (this.#closing.signal.aborted) connection.close()
      return await connection.closed
    } catch (error) {
      return (error as Error).message
    } finally {
      const channels = this.#channels
      this.#channels = undefined
      await channels?.close()
      if (drained || channels?.hasProgress || Date.now() - welcomeMs >= steadyMs) this.#backoff.reset()
    }
  }

  #setStatus(state: ConnectionStatus['state'], lastError?: string, node?: string): void {
    this.#status = {
      state,
      sinceMs: Date.now(),
      ...(node !== undefined && { node }),
      ...(lastError !== undefined && { lastError }),
    }
  }
}
