import type { FrameTable } from '../../format/frame-entry.ts'
import type { StreamName } from '../../format/records.ts'
import { WireError } from '../../wire/wire-error.ts'
import type { StorePlace } from '../store/store-place.ts'
import type { ChannelContext, ChannelPeer } from './channel-context.ts'
import { ChannelReceipts } from './channel-receipts.ts'
import { complete } from './complete-recording.ts'
import { ChannelCredit } from './credit-pool.ts'
import { parseGap } from './gap-frame.ts'
import type { Flushed, IncomingStream } from './incoming-stream.ts'
import { type OpenMessage, openWhenPossible } from './open-stream.ts'
import { StreamIntake } from './stream-intake.ts'

// One stream that an agent sends on one connection.
//
//   opening ── `opened` sent ──▶ open ── `finish`, all durable ──▶ completing ── committed, final receipt ──▶ ended
//   open ── the store fails ──▶ opening, after a wait: the offset is forgotten and read from the file again
//   opening ── discarded ──▶ ended          any ── refused, replaced, closed, disconnected ──▶ ended
//
// What comes while it is not open is dropped: it was never acknowledged, so the agent sends it again after `opened`.

type State = 'opening' | 'open' | 'completing' | 'ended'

/** Small messages are views of a large read; kept waiting they would keep all of it. */
const copyBelowBytes = 8 * 1024

export class Channel {
  readonly recording: string
  readonly stream: StreamName
  readonly #context: ChannelContext
  readonly #peer: ChannelPeer
  readonly #message: OpenMessage
  readonly #intake: StreamIntake
  readonly #receipts: ChannelReceipts
  readonly #stop = new AbortController()
  #state: State = 'opening'
  #acked: number
  #incoming: IncomingStream | undefined
  #place: StorePlace | undefined
  #finishBytes: number | undefined
  #work: Promise<void> = Promise.resolve()
  #flushing: Promise<void> | undefined
  #waitsSinceMs = 0

  constructor(context: ChannelContext, peer: ChannelPeer, message: OpenMessage) {
    this.recording = message.recording
    this.stream = message.stream
    this.#context = context
    this.#peer = peer
    this.#message = message
    this.#acked = message.acked
    this.#intake = new StreamIntake(new ChannelCredit(context.credit, () => this.#moreCredit()))
    this.#receipts = new ChannelReceipts(context.tokens, peer, message, context.limits.receiptMs)
  }

  get waiting(): boolean {
    return this.#state === 'opening'
  }

  open(): void {
    this.#work = this.#open(false)
  }

  /** Throws WireError for what no honest agent sends; the connection then ends. */
  data(offset: number, bytes: Uint8Array): void {
    if (this.#state !== 'open') return
    const fresh = this.#intake.take(offset, bytes)
    if (!fresh) return
    this.#context.counts.acceptedBytes += fresh.length
    this.#incoming!.push(fresh.length < copyBelowBytes ? new Uint8Array(fresh) : fresh)
    this.#flushSoon()
  }

  /** `gap` = base64url of the GAP's skippable header and payload. */
  skip(from: number, to: number, gap: string): void {
    if (this.#state !== 'open' || !this.#intake.skip(from, to)) return
    const frame = parseGap(gap, to - from)
    this.#incoming!.gap(frame, to)
    const { counts, log } = this.#context
    counts.lostBytes += to - from
    log.warn(
      { code: 'data-lost', recording: this.recording, bytes: to - from },
      `data lost while recording ${this.recording}`,
    )
    this.#flushSoon()
  }

  finish(size: number): void {
    if (this.#state !== 'open' || !this.#intake.finish(size)) return
    this.#finishBytes = size
    this.#completeIfDurable()
  }

  live(on: boolean): void {
    if (this.#state === 'open') this.#peer.send({ type: 'live', channel: this.#message.channel, on })
  }

  frames(): FrameTable | undefined {
    return this.#incoming?.verification.table(this.#incoming.durable)
  }

  tellProgress(): void {
    const incoming = this.#incoming
    if (!incoming || this.#state !== 'open') return
    const progress = incoming.verification.progress(this.stream, incoming.durable)
    this.#context.register.progress(this.recording, progress)
  }

  discard(): void {
    if (this.#state === 'ended') return
    this.#receipts.discarded(this.#acked)
    void this.#end()
  }

  /** Another channel takes the stream over. */
  async replace(): Promise<void> {
    if (this.#state !== 'ended')
      this.#refuse(
        new WireError('replaced', `${this.recording} was opened on another channel.`, 'Nothing to do.'),
      )
    await this.close()
  }

  /** Resolves when nothing that has come is unsynced, or cannot be synced. */
  async settle(): Promise<void> {
    while (this.#state === 'open' && (this.#flushing || this.#incoming?.hasPending)) await this.#flushing
    if (this.#state === 'completing') await this.#work
  }

  /** Writes what has come, without acknowledging, and lets go of the file. Never rejects. */
  async close(): Promise<void> {
    await this.#end()
    await this.#work
    await this.#flushing
  }

  async #open(again: boolean): Promise<void> {
    const { owners, troubles } = this.#context
    const { signal } = this.#stop
    if (!again) await owners.claim(this)
    try {
      const tries = { again, acked: this.#acked, who: this, signal }
      const opened = await openWhenPossible(this.#context, this.#peer.agent, this.#message, tries)
      if (opened === 'discarded') this.discard()
      else if (signal.aborted) await opened?.incoming.close()
      else if (opened) {
        // After a failed write only a sync shows that the store is well.
        if (!again) troubles.well(this)
        this.#opened(opened.place, opened.incoming)
      }
    } catch (error) {
      if (!signal.aborted) this.#refuse(error as WireError)
    }
  }

  #opened(place: StorePlace, incoming: IncomingStream): void {
    const { tokens, live } = this.#context
    const { channel } = this.#message
    const { recording, stream } = this
    this.#place = place
    this.#incoming = incoming
    this.#state = 'open'
    this.#acked = incoming.next
    const limit = this.#intake.open(incoming.next)
    this.#peer.acks.flush()
    const token = tokens.place(recording, place)
    this.#peer.send({ type: 'opened', channel, offset: incoming.next, limit, place: token })
    live.state(recording, stream, { state: 'live', sizeBytes: incoming.next })
    if (live.watched(recording, stream)) this.live(true)
    this.#receipts.upTo(incoming.next, incoming.verification)
  }

  #flushSoon(): void {
    if (this.#flushing) return
    this.#waitsSinceMs = performance.now()
    this.#flushing = this.#context.lanes.run(this.#place!.store, () => this.#flush())
  }

  // Never rejects: the lanes and `settle` only wait for it.
  async #flush(): Promise<void> {
    const incoming = this.#incoming!
    try {
      const flushed = await incoming.flush()
      const { counts } = this.#context
      counts.durableBytes += flushed.receivedBytes
      counts.acks += 1
      counts.ackMs += performance.now() - this.#waitsSinceMs
      this.#flushing = undefined
      if (this.#state === 'open') this.#durable(flushed)
    } catch (error) {
      this.#flushing = undefined
      this.#failed(error)
    }
  }

  #durable({ proof, offset, receivedBytes }: Flushed): void {
    const { channel } = this.#message
    this.#context.troubles.well(this)
    this.#acked = offset
    const limit = this.#intake.durable(offset, receivedBytes)
    this.#peer.acks.ack(proof, channel, offset, limit)
    this.#receipts.upTo(offset, this.#incoming!.verification)
    this.#context.progress.note(this)
    if (this.#incoming!.hasPending) this.#flushSoon()
    else this.#completeIfDurable()
  }

  // I1: nothing is answered for what may not be there.
  #failed(error: unknown): void {
    if (this.#state !== 'open') return
    if (error instanceof WireError) {
      this.#refuse(error)
      return
    }
    this.#context.troubles.report(this, error)
    this.#receipts.forget()
    this.#context.live.left(this.recording, this.stream)
    this.#state = 'opening'
    this.#finishBytes = undefined
    this.#incoming = undefined
    this.#work = this.#open(true)
  }

  #moreCredit(): void {
    if (this.#state !== 'open') return
    this.#peer.acks.credit(this.#message.channel, this.#acked, this.#intake.moreCredit())
  }

  #completeIfDurable(): void {
    if (this.#finishBytes === undefined || this.#incoming?.durable !== this.#finishBytes) return
    this.#state = 'completing'
    this.#work = this.#complete(this.#incoming, this.#finishBytes)
  }

  async #complete(incoming: IncomingStream, size: number): Promise<void> {
    const { live } = this.#context
    const { recording, stream } = this
    if (incoming.fileSize > size) {
      const text = `${recording} is finished at ${size} bytes; its file has ${incoming.fileSize}.`
      return this.#refuse(new WireError('fork', text, 'Go on in a new recording.'))
    }
    const completed = incoming.verification.completed(stream, size)
    if (!(await complete(this.#context, this, completed, this.#stop.signal))) return
    this.#receipts.final(size, incoming.verification)
    live.state(recording, stream, { state: 'complete', sizeBytes: size })
    void this.#end()
  }

  #refuse({ code, message: text, hint }: WireError): void {
    const { channel } = this.#message
    this.#context.log.warn({ agent: this.#peer.agent, recording: this.recording, code }, text)
    this.#peer.acks.flush()
    this.#peer.send({ type: 'error', code, text, hint, channel })
    void this.#end()
  }

  async #end(): Promise<void> {
    if (this.#state === 'ended') return
    const { owners, progress, live, troubles } = this.#context
    const wasOpen = this.#state === 'open'
    this.tellProgress()
    this.#state = 'ended'
    this.#stop.abort()
    progress.forget(this)
    troubles.well(this)
    this.#intake.close()
    this.#receipts.close()
    this.#peer.acks.forget(this.#message.channel)
    this.#peer.ended(this.#message.channel)
    const last = this.#letGo(wasOpen)
    this.#flushing = last
    await last
    // An opening on its way still has the file.
    await this.#work
    live.left(this.recording, this.stream)
    owners.release(this)
  }

  async #letGo(wasOpen: boolean): Promise<void> {
    await this.#flushing
    const incoming = this.#incoming
    if (!incoming) return
    if (wasOpen && incoming.hasPending)
      await this.#context.lanes.run(this.#place!.store, () => incoming.flush()).catch(() => undefined)
    await incoming.close()
  }
}
