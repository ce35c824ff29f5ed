import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Facts } from '../../format/records.ts'
import { unrecordedMax } from '../../wire/limits.ts'
import type { UnrecordedLogin } from '../../wire/messages.ts'
import type { SpooledStream } from '../queue/spooled-stream.ts'
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
  /** Another machine has this identity too: get another one, and only then resolve. */
  onClone(): Promise<void>
  /** Between two connections; tests wait less. */
  backoff?: Backoff
}

/** What is recorded of a session, and whether its user is told. */
export interface Decision {
  screen: 'entire' | 'events' | 'none'
  notify: boolean
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
  readonly #asks = new Map<number, (decision: Decision) => void>()
  readonly #instance = randomUUID()
  #nextAsk = 1
  #unrecorded: readonly UnrecordedLogin[] | undefined
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

  acked({ key }: Pick<SpooledStream, 'key'>): number {
    return this.#acked.get(key) ?? 0
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** A stream was added, or more of it is durable. */
  notify(spooled: SpooledStream): void {
    this.#channels?.notify(spooled)
  }

  /** What the farm says about a session that is about to begin; `undefined` when it says nothing within `waitMs`. */
  decide(facts: Facts, waitMs: number): Promise<Decision | undefined> {
    const connection = this.#connection
    if (this.#status.state !== 'connected' || !connection) return Promise.resolve(undefined)
    const ask = this.#nextAsk++
    const { promise, resolve } = Promise.withResolvers<Decision | undefined>()
    const timer = setTimeout(() => resolve(undefined), waitMs)
    this.#asks.set(ask, resolve)
    connection.control({ type: 'decide', ask, facts })
    return promise.finally(() => {
      clearTimeout(timer)
      this.#asks.delete(ask)
    })
  }

  /** Of a whole host: told now, and to every node that is met from now on. */
  setUnrecorded(logins: readonly UnrecordedLogin[]): void {
    this.#unrecorded = logins
    if (this.#status.state === 'connected') this.#tellCoverage()
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
    let isClone = false
    try {
      const connection = new FarmConnection({
        ...this.#options,
        instance: this.#instance,
        onWelcome: (node) => {
          welcomeMs = Date.now()
          this.#setStatus('connected', undefined, node)
          this.#options.log.info({ code: 'connected', node }, 'connected')
          this.#channels = new ChannelSet(connection, { ...this.#options, acked: this.#acked })
          this.#tellCoverage()
        },
        onMessage: (message) => {
          if (message.type === 'drain') drained = true
          if (message.type === 'error' && message.code === 'clone') isClone = true
          if (message.type === 'decision')
            this.#asks.get(message.ask)?.({ screen: message.screen, notify: message.notify })
          else this.#channels?.onMessage(message)
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
      if (isClone)
        await this.#options
          .onClone()
          .catch((error: Error) =>
            this.#options.log.error(
              { code: 'clone', error: error.message },
              'no other identity is to be had',
            ),
          )
      if (drained || channels?.hasProgress || Date.now() - welcomeMs >= steadyMs) this.#backoff.reset()
    }
  }

  #tellCoverage(): void {
    const unrecorded = this.#unrecorded?.slice(0, unrecordedMax)
    if (unrecorded) this.#connection?.control({ type: 'coverage', unrecorded })
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
