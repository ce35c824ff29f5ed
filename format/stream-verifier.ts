import { fromBase64url, toBase64url } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { type FramePart, FrameScanner, type RecordPart } from './frame-scanner.ts'
import type { Crypto, Hash } from './ports.ts'
import { type End, type Gap, type Head, parseRecord } from './records.ts'
import { parseSeekTable, type SeekEntry } from './seek-table.ts'
import { isSignedBy } from './signed-json.ts'
import { recordHash } from './stream-writer.ts'
import { type AgentCertificate, openToken } from './token.ts'
import { endOf, type Problem, type StreamRecord, type VerifyReport } from './verify-report.ts'

// Checks a stream as it passes, in any pieces: order, chain, digests and signatures, from the first byte on.
// It never stops at what it can pass over: a wrong signature is a problem to report; only bytes that are no recording
// at all end the walk (`damaged`).
//
//   start ── HEAD 0, certificate ──▶ frame ── BODY ── SEAL ──▶ between ── HEAD | GAP ──▶ … ── END ──▶ ended ── seek table ──▶ done

/** More problems than this say nothing new. */
const problemsMax = 100

export class StreamVerifier {
  readonly #farmKey: Uint8Array
  readonly #crypto: Crypto
  readonly #scanner = new FrameScanner()
  readonly #problems: Problem[] = []
  readonly #gaps: VerifyReport['gaps'] = []
  #entries: SeekEntry[] = []
  #first: Head | undefined
  #certificate: AgentCertificate | undefined
  #agentKey: Uint8Array | undefined
  #open:
    | {
        head: Head
        offset: number
        headBytes: number
        bodyOffset: number
        bodyBytes: number
        closed: boolean
        hash: Hash
      }
    | undefined
  #gap: { gap: Gap; offset: number; left: number; size: number; hash: string; proven: boolean } | undefined
  #chain: string | null = null
  #nextFrame = 0
  #frames = 0
  #replaced = false
  #sealed = 0
  #raw = 0
  #endUs = 0
  #end: End | undefined
  #tableSeen = false
  #damaged = false

  /** `farmKey` = the farm's raw Ed25519 public key, which must have signed the agent's certificate. */
  constructor(farmKey: Uint8Array, crypto: Crypto) {
    this.#farmKey = farmKey
    this.#crypto = crypto
  }

  /** Offset up to which everything lies below a SEAL, GAP or END that has passed. */
  get sealedOffset(): number {
    return this.#sealed
  }

  /** Record hash of the last SEAL, GAP or END that has passed. */
  get chain(): string | null {
    return this.#chain
  }

  get problems(): readonly Problem[] {
    return this.#problems
  }

  /** The next bytes of the stream. Returns what became complete by them, in order. */
  push(bytes: Uint8Array): StreamRecord[] {
    if (this.#damaged) return []
    this.#scanner.push(bytes)
    return this.#drain()
  }

  /** Bytes of a GAP's padding that are known to be zero: a hole in the file. */
  skipHole(size: number): StreamRecord[] {
    if (this.#damaged) return []
    try {
      this.#scanner.skipHole(size)
    } catch (error) {
      this.#note(error)
      return []
    }
    return this.#padding(size)
  }

  /** `totalBytes` = size of the stream, when it is larger than what was pushed because it is damaged. */
  finish(totalBytes = this.#scanner.offset + this.#scanner.pendingBytes): VerifyReport {
    const bytes = Math.max(totalBytes, this.#scanner.offset + this.#scanner.pendingBytes)
    if (this.#tableSeen && bytes > this.#scanner.offset)
      this.#problem('after-end', this.#scanner.offset, 'There are bytes after the seek table.')
    if (this.#end && !this.#tableSeen)
      this.#problem('seek-table', this.#sealed, 'The seek table after END is missing or cut.')
    const { signedBy, farm } = this.#identity()
    return {
      whole: this.#problems.length === 0 && this.#gaps.length === 0 && this.#end !== undefined,
      ...(this.#first && {
        recording: this.#first.recording,
        stream: this.#first.stream,
        startWallMs: this.#first.wall,
      }),
      ...(signedBy && { signedBy }),
      ...(farm !== undefined && { farm }),
      frames: this.#frames,
      bytes,
      sealedBytes: this.#sealed,
      rawBytes: this.#raw,
      endUs: this.#endUs,
      gaps: this.#gaps,
      ...(this.#end && { end: endOf(this.#end) }),
      ...(bytes > this.#sealed &&
        !this.#end && { unproven: { offset: this.#sealed, bytes: bytes - this.#sealed } }),
      problems: this.#problems,
    }
  }

  #identity() {
    const certificate = this.#certificate
    if (!certificate) return {}
    const { agent, host, key, until, farm } = certificate
    return { signedBy: { agent, host, key, until }, farm }
  }

  #drain(): StreamRecord[] {
    const records: StreamRecord[] = []
    try {
      for (let part = this.#scanner.next(); part; part = this.#scanner.next())
        records.push(...this.#part(part))
    } catch (error) {
      this.#note(error)
    }
    return records
  }

  #part(part: FramePart): StreamRecord[] {
    if (this.#end && part.kind !== 'seek-table')
      throw new FormatError('after-end', 'There are bytes after END.', part)
    switch (part.kind) {
      case 'head':
        return this.#onHead(part)
      case 'body':
        return this.#onBody(part)
      case 'seal':
        return this.#onSeal(part)
      case 'gap':
        return this.#onGap(part)
      case 'padding':
        if (!part.clean) this.#problem('gap-padding', part.offset, 'The padding of a GAP is not zero.')
        return this.#padding(part.size)
      case 'end':
        return this.#onEnd(part)
      case 'seek-table':
        return this.#onSeekTable(part)
      case 'unknown':
        throw new FormatError(
          'unknown-part',
          `A skippable frame 0x${part.magic.toString(16)} is not part of a recording.`,
          part,
        )
    }
  }

  #onHead(part: RecordPart): StreamRecord[] {
    this.#expectBetween(part, 'HEAD')
    const head = parseRecord('head', part.payload, part.offset)
    if (!this.#first) this.#onFirstHead(head, part.offset)
    if (head.offset !== part.offset)
      this.#problem(
        'head-offset',
        part.offset,
        `A HEAD says it lies at ${head.offset}; it lies at ${part.offset}.`,
      )
    if (head.recording !== this.#first!.recording || head.stream !== this.#first!.stream)
      this.#problem('head-recording', part.offset, `A HEAD belongs to ${head.recording} ${head.stream}.`)
    const expected = this.#nextFrame
    if (this.#replaced ? head.frame < expected : head.frame !== expected)
      this.#problem('head-frame', part.offset, `Expected frame ${expected}, got ${head.frame}.`)
    this.#replaced = false
    this.#nextFrame = head.frame + 1
    const hash = this.#crypto.sha256()
    hash.update(part.frame)
    const at = part.offset
    this.#open = {
      head,
      offset: at,
      headBytes: part.size,
      bodyOffset: at + part.size,
      bodyBytes: 0,
      closed: false,
      hash,
    }
    return [{ kind: 'head', offset: at, size: part.size, head }]
  }

  #onFirstHead(head: Head, offset: number): void {
    this.#first = head
    if (head.frame !== 0 || head.certificate === undefined) {
      this.#problem(
        'certificate',
        offset,
        'The first HEAD carries no certificate, so no signature can be checked.',
      )
      return
    }
    try {
      this.#certificate = openToken(head.certificate, 'agent-certificate', this.#farmKey, this.#crypto)
      this.#agentKey = fromBase64url(this.#certificate.key)
    } catch (error) {
      this.#problem('certificate', offset, (error as Error).message)
    }
  }

  #onBody(part: Extract<FramePart, { kind: 'body' }>): StreamRecord[] {
    const open = this.#open
    if (!open || (part.first && open.bodyBytes > 0))
      throw new FormatError('order', 'A BODY lies where a HEAD was expected.', part)
    open.hash.update(part.bytes)
    open.bodyBytes += part.bytes.length
    open.closed = part.last
    return []
  }

  #onSeal(part: RecordPart): StreamRecord[] {
    const open = this.#open
    if (!open?.closed) throw new FormatError('order', 'A SEAL lies where a BODY was expected.', part)
    const seal = parseRecord('seal', part.payload, part.offset)
    const { proven, hash } = this.#checkRecord('SEAL', part, seal.previous)
    const digest = toBase64url(open.hash.digest())
    const matches = digest === seal.hash && seal.frame === open.head.frame
    if (!matches) this.#problem('digest', open.offset, `Frame ${open.head.frame} is not what was sealed.`)
    const { head, offset, headBytes, bodyOffset, bodyBytes } = open
    this.#open = undefined
    this.#frames += 1
    this.#raw += seal.raw
    this.#endUs = Math.max(this.#endUs, seal.end)
    this.#entries.push(
      { size: headBytes, raw: 0 },
      { size: bodyBytes, raw: seal.raw },
      { size: part.size, raw: 0 },
    )
    this.#sealed = part.offset + part.size
    const size = this.#sealed - offset
    return [
      {
        kind: 'frame',
        offset,
        size,
        bodyOffset,
        bodySize: bodyBytes,
        head,
        seal,
        hash,
        proven: proven && matches,
      },
    ]
  }

  #onGap(part: RecordPart): StreamRecord[] {
    this.#expectBetween(part, 'GAP')
    if (!this.#first) throw new FormatError('order', 'A GAP lies before the first frame.', part)
    const gap = parseRecord('gap', part.payload, part.offset)
    if (gap.recording !== this.#first.recording)
      this.#problem('gap-recording', part.offset, `A GAP belongs to ${gap.recording}.`)
    const { proven, hash } = this.#checkRecord('GAP', part, gap.previous)
    this.#chain = gap.through ?? hash
    this.#replaced ||= gap.through !== undefined || gap.reason === 'store'
    this.#gap = {
      gap,
      offset: part.offset,
      left: part.size - part.frame.length,
      size: part.size,
      hash,
      proven,
    }
    return this.#padding(0)
  }

  #padding(size: number): StreamRecord[] {
    const open = this.#gap
    if (!open) return []
    open.left -= size
    if (open.left > 0) return []
    this.#gap = undefined
    const { gap } = open
    this.#gaps.push({
      fromUs: gap.from,
      toUs: gap.to,
      reason: gap.reason,
      ...(gap.bytes !== undefined && { bytes: gap.bytes }),
    })
    this.#endUs = Math.max(this.#endUs, gap.to)
    this.#entries.push({ size: open.size, raw: 0 })
    this.#sealed = open.offset + open.size
    return [{ kind: 'gap', offset: open.offset, size: open.size, gap, hash: open.hash, proven: open.proven }]
  }

  #onEnd(part: RecordPart): StreamRecord[] {
    this.#expectBetween(part, 'END')
    const end = parseRecord('end', part.payload, part.offset)
    const { proven, hash } = this.#checkRecord('END', part, end.previous)
    const missing = this.#replaced ? end.frames < this.#nextFrame : end.frames !== this.#nextFrame
    if (missing)
      this.#problem(
        'end-frames',
        part.offset,
        `END counts ${end.frames} frames, ${this.#nextFrame} are here.`,
      )
    this.#end = end
    this.#endUs = Math.max(this.#endUs, end.end)
    this.#entries.push({ size: part.size, raw: 0 })
    this.#sealed = part.offset + part.size
    return [{ kind: 'end', offset: part.offset, size: part.size, end, hash, proven }]
  }

  // Not signed, but derived: it must say what was found, or, where GAPs took the place of frames, add up to it.
  #onSeekTable(part: Extract<FramePart, { kind: 'seek-table' }>): StreamRecord[] {
    if (!this.#end || this.#tableSeen)
      throw new FormatError('order', 'A seek table lies where it may not.', part)
    this.#tableSeen = true
    const table = parseSeekTable(part.frame)
    const same =
      table.length === this.#entries.length && table.every((entry, i) => sameEntry(entry, this.#entries[i]!))
    const adds = this.#gaps.length > 0 && table.reduce((sum, entry) => sum + entry.size, 0) === part.offset
    if (!same && !adds)
      this.#problem('seek-table', part.offset, 'The seek table does not describe this stream.')
    return []
  }

  #expectBetween(part: FramePart, what: string): void {
    if (this.#open)
      throw new FormatError(
        'order',
        `A ${what} lies inside frame ${this.#open.head.frame}, which has no SEAL.`,
        part,
      )
  }

  #checkRecord(what: string, part: { offset: number; payload: Uint8Array }, previous: string | null) {
    const hash = recordHash(part.payload, () => this.#crypto.sha256())
    const linked = previous === this.#chain
    if (!linked) this.#problem('chain', part.offset, `A ${what} does not follow the record before it.`)
    const signed = this.#agentKey !== undefined && isSignedBy(part.payload, this.#agentKey, this.#crypto)
    if (this.#agentKey && !signed)
      this.#problem('signature', part.offset, `The signature of a ${what} is wrong.`)
    this.#chain = hash
    return { hash, proven: linked && signed }
  }

  #note(error: unknown): void {
    if (!(error instanceof FormatError)) throw error
    this.#damaged = true
    this.#problem(error.code, error.offset ?? this.#scanner.offset, error.message)
  }

  #problem(code: string, offset: number, text: string): void {
    if (this.#problems.length < problemsMax) this.#problems.push({ code, offset, text })
  }
}

function sameEntry(a: SeekEntry, b: SeekEntry): boolean {
  return a.size === b.size && a.raw === b.raw
}
