import type { StreamState } from '../../../format/stream-writer.ts'

/**
 * Where a screen's stream goes: the agent's queue, or a file. Calls are made one after the other, each awaited. After an
 * error the stream begins anew with `tail`: what is there by then is what counts.
 */
export interface StreamSink {
  /** As of the last `keep`. */
  readonly state: StreamState
  /** END and seek table are written. */
  readonly ended: boolean
  /** The part behind `state` that a crash left, as it lies there; empty when there is none. */
  tail(): Promise<Uint8Array>
  /** Cuts that part to `size` bytes and goes on in it; at 0 it is gone. */
  cut(size: number): Promise<void>
  /** A part begins at the stream's end: a frame, a GAP, or END with its seek table. */
  begin(): Promise<void>
  append(pieces: readonly Uint8Array[]): Promise<void>
  /** Resolves when all that was appended is durable; only then may it be sent. */
  sync(): Promise<void>
  /** Makes durable what was appended, and only then where the stream stands behind it. */
  keep(state: StreamState, ended: boolean): Promise<void>
}
