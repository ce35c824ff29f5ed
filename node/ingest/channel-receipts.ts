import type { StreamName } from '../../format/records.ts'
import type { ChannelPeer } from './channel-context.ts'
import type { FarmTokens } from './farm-tokens.ts'
import type { Verification } from './verification.ts'

/** The farm's word to an agent about one stream: delete below here. */
export class ChannelReceipts {
  readonly #tokens: FarmTokens
  readonly #peer: ChannelPeer
  readonly #about: { channel: number; recording: string; stream: StreamName }
  #told: number

  /** `oldest` = the agent's first byte that is left: it has acted on receipts up to there. */
  constructor(
    tokens: FarmTokens,
    peer: ChannelPeer,
    about: { channel: number; recording: string; stream: StreamName; oldest: number },
  ) {
    this.#tokens = tokens
    this.#peer = peer
    this.#about = about
    this.#told = about.oldest
  }

  /** For the last SEAL, GAP or END below `durable`, once. */
  upTo(durable: number, verification: Verification): void {
    const boundary = verification.takeBoundary(durable)
    if (!boundary || boundary.offset <= this.#told) return
    this.#told = boundary.offset
    this.#send({ offset: boundary.offset, seal: boundary.hash })
  }

  final(size: number, verification: Verification): void {
    this.#send({ offset: size, seal: verification.lastBoundary?.hash ?? '', final: true })
  }

  discarded(offset: number): void {
    this.#send({ offset, seal: '', final: true, discarded: true })
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
