import type { FrameTable } from '../../format/frame-entry.ts'
import type { Crypto } from '../../format/ports.ts'
import type { End } from '../../format/records.ts'
import { StreamVerifier } from '../../format/stream-verifier.ts'
import { type AgentCertificate, peekToken } from '../../format/token.ts'
import type { StreamRecord } from '../../format/verify-report.ts'
import { FrameTableBuilder } from '../store/frame-table.ts'
import { passPadding } from '../store/scan-stream.ts'
import type { CompletedRecording, RecordingProgress } from './register.ts'

/** Just behind a SEAL, GAP or END: how far a receipt may reach, and that record's hash. */
export interface Boundary {
  offset: number
  hash: string
}

/** What is known of a stream from the bytes that have passed. It judges; it never stops anything from being stored. */
export class Verification {
  readonly #verifier: StreamVerifier
  readonly #table = new FrameTableBuilder()
  readonly #ahead: Boundary[] = []
  #last: Boundary | undefined
  #proven = 0
  #broken = false
  #frames = 0
  #gaps = 0
  #rawBytes = 0
  #endUs = 0
  #end: End | undefined
  #agent: string | undefined

  constructor(farmKey: Uint8Array, crypto: Crypto) {
    this.#verifier = new StreamVerifier(farmKey, crypto)
  }

  /** For `scanStream`; its records go to `note`. */
  get verifier(): StreamVerifier {
    return this.#verifier
  }

  /** Everything below is under a proven SEAL or GAP, without a break from the start. */
  get provenOffset(): number {
    return this.#proven
  }

  /** Agent id in the certificate of frame 0. */
  get agent(): string | undefined {
    return this.#agent
  }

  get ended(): boolean {
    return this.#end !== undefined
  }

  /** The last boundary taken by `takeBoundary`. */
  get lastBoundary(): Boundary | undefined {
    return this.#last
  }

  push(bytes: Uint8Array): void {
    this.note(this.#verifier.push(bytes))
  }

  /** A GAP's header and payload, then `paddingBytes` that stay a hole. */
  gap(frame: Uint8Array, paddingBytes: number): void {
    this.push(frame)
    this.note(passPadding(this.#verifier, paddingBytes))
  }

  readonly note = (records: StreamRecord[]): void => {
    for (const record of records) {
      this.#table.add(record)
      if (record.kind === 'head') this.#onHead(record.head.certificate)
      else this.#onBoundary(record)
    }
  }

  /** The farthest boundary at or below `durable`, once. */
  takeBoundary(durable: number): Boundary | undefined {
    let taken: Boundary | undefined
    while (this.#ahead[0] && this.#ahead[0].offset <= durable) taken = this.#ahead.shift()
    if (taken) this.#last = taken
    return taken
  }

  table(size: number): FrameTable {
    return this.#table.table(size)
  }

  progress(stream: RecordingProgress['stream'], sizeBytes: number): RecordingProgress {
    const [problem] = this.#verifier.problems
    return {
      stream,
      sizeBytes,
      sealedBytes: this.#last?.offset ?? 0,
      rawBytes: this.#rawBytes,
      frames: this.#frames,
      gaps: this.#gaps,
      endUs: this.#endUs,
      proof: problem ? 'failed' : this.#last ? 'sealed' : 'unproven',
      ...(problem && { problem: { code: problem.code, text: problem.text } }),
    }
  }

  completed(stream: RecordingProgress['stream'], sizeBytes: number): CompletedRecording {
    const { reason, exit, signal } = this.#end ?? { reason: 'lost' as const }
    const endReason = {
      endReason: reason,
      ...(exit !== undefined && { exit }),
      ...(signal !== undefined && { signal }),
    }
    const missing = { code: 'end', text: 'The agent finished a stream without a readable END.' }
    // `finish` adds what only the whole shows, such as a missing seek table.
    this.#verifier.finish(sizeBytes)
    const progress = this.progress(stream, sizeBytes)
    if (this.#end || progress.problem) return { ...progress, ...endReason }
    return { ...progress, ...endReason, proof: 'failed', problem: missing }
  }

  #onHead(certificate: string | undefined): void {
    if (this.#agent !== undefined || certificate === undefined) return
    try {
      this.#agent = (peekToken(certificate, 'agent-certificate') satisfies AgentCertificate).agent
    } catch {
      // The verifier has noted what is wrong with it.
    }
  }

  #onBoundary(record: Exclude<StreamRecord, { kind: 'head' }>): void {
    const offset = record.offset + record.size
    this.#ahead.push({ offset, hash: record.hash })
    if (record.proven && !this.#broken) this.#proven = offset
    else this.#broken = true
    if (record.kind === 'frame') {
      this.#frames += 1
      this.#rawBytes += record.seal.raw
      this.#endUs = Math.max(this.#endUs, record.seal.end)
    } else if (record.kind === 'gap') {
      this.#gaps += 1
      this.#endUs = Math.max(this.#endUs, record.gap.to)
    } else {
      this.#end = record.end
      this.#endUs = Math.max(this.#endUs, record.end.end)
    }
  }
}
