import type { StreamName } from '../../format/records.ts'
import type { ChannelPeer } from './channel-context.ts'
import type { FarmTokens } from './farm-tokens.ts'
import type { Boundary, Verification } from './verification.ts'

/** The farm's word to an agent about one stream: delete below here. At once, then for the newest boundary every `everyMs`. */
export class ChannelReceipts {
  readonly #tokens: FarmTokens
  readonly #peer: ChannelPeer
  readonly #about: { channel: number; recording: string; stream: StreamName }
  readonly #everyMs: number
  #told: number
  #waiting: Boundary | undefined
  #timer: NodeJS.Timeout | undefined

  /** `oldest` = the agent's first byte that is left: it has acted on receipts up to there. */
  constructor(
    tokens: FarmTokens,
    peer: ChannelPeer,
    about: { channel: number; recording: string; stream: StreamName; oldest: number },
    everyMs: number,
  ) {
    this.#tokens = tokens
    this.#peer = peer
    this.#about = about
    this.#told = about.oldest
    this.#everyMs = everyMs
  }

  /** For the last SEAL, GAP or END below `durable`, once. */
  upTo(durable: number, verification: Verification): void {
    const boundary = verification.takeBoundary(durable)
    if (!boundary || boundary.offset <= this.#told) return
    this.#waiting = boundary
    if (!this.#timer) this.#tell()
  }

  /** The file is opened again: what it has by then counts. */
  forget(): void {
    this.#waiting = undefined
  }

  /** The channel has ended: an agent that opens the stream again gets what was waiting. */
  close(): void {
    clearTimeout(this.#timer)
    this.forget()
  }

  final(size: number, verification: Verification): void {
    this.#send({ offset: size, seal: verification.lastBoundary?.hash ?? '', final: true })
  }

  discarded(offset: number): void {
    this.#send({ offset, seal: '', final: true, discarded: true })
  }

  #tell(): void {
    this.#timer = undefined
    if (!this.#waiting) return
    const { offset, hash } = this.#waiting
    this.#waiting = undefined
    this.#told = offset
    this.#timer = setTimeout(() => this.#tell(), this.#everyMs)
    this.#send({ offset, seal: hash })
  }

  #send(what: { offset: number; seal: string; final?: true; discarded?: true }): void {
    const { channel, recording, stream } = this.#about
    this.#peer.acks.flush()
    this.#peer.send({
      type: 'receipt',
      channel,
      receipt: this.#tokens.receipt({ recording, stream, ...what }),
    })
  }
}
