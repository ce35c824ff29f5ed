import { openZstdBody } from '../../codec/zstd.ts'
import { StreamWriter } from '../../format/stream-writer.ts'
import { encodeEvent, encodeHeader, type TimelineEvent } from '../../format/timeline.ts'
import type { Recording } from '../../web/api/recording.ts'
import {
  crypto,
  facts,
  type Identities,
  makeStream,
  type SampleFrame,
  sampleId,
} from '../helpers/sample-stream.ts'
import type { Held } from './stand-in.ts'

export function recordingOf(id: string, more: Partial<Recording> = {}): Recording {
  return {
    id,
    session: `session-${id}`,
    sequence: 0,
    user: 'ada',
    host: 'ward-7',
    application: 'bash',
    command: 'bash -l',
    client: { name: 'desk-12', address: '192.0.2.7' },
    type: 'terminal',
    state: 'complete',
    start: new Date(facts.startedMs).toISOString(),
    durationMs: 60_000,
    bytes: 4200,
    events: 1,
    gaps: 0,
    proof: 'sealed',
    columns: 80,
    rows: 24,
    agent: 'agent-1',
    node: 'node-1',
    ...more,
  }
}

export function output(timeS: number, data: string): TimelineEvent {
  return { timeUs: Math.round(timeS * 1e6), code: 'o', data }
}

/** A finished recording of these frames. */
export async function heldOf(
  identities: Identities,
  seed: number,
  frames: SampleFrame[],
  { ended = true, ...more }: Partial<Recording> & { ended?: boolean } = {},
): Promise<Held> {
  const id = sampleId(seed)
  const { bytes } = await makeStream(identities, frames, { recording: id, end: ended })
  const last = frames.findLast((frame) => Array.isArray(frame))
  const endUs = last?.at(-1)?.timeUs ?? 0
  return { recording: recordingOf(id, { durationMs: endUs / 1000, bytes: bytes.length, ...more }), bytes }
}

export interface LiveSample {
  held: Held
  /** The stream bytes of one more event, flushed. */
  event(event: TimelineEvent): Promise<Uint8Array>
  /** The bytes that seal and end it. */
  end(endUs: number): Promise<Uint8Array>
}

/** A recording that still runs; its one frame is open. */
export async function liveSample(identities: Identities, seed: number): Promise<LiveSample> {
  const id = sampleId(seed)
  const { agent: signer, certificate } = identities
  const startedMs = Date.now()
  const writer = new StreamWriter({
    recording: id,
    stream: 'cast',
    signer,
    sha256: crypto.sha256,
    certificate,
    facts,
  })
  const body = openZstdBody()
  const add = (compressed: Uint8Array) => {
    writer.body(compressed)
    return compressed
  }
  const header = encodeHeader({ version: 2, width: 80, height: 24 })
  let raw = header.length
  const head = writer.head({ startUs: 0, wallMs: startedMs })
  await body.write(header)
  const bytes = Buffer.concat([head, add(await body.flush())])
  const recording = recordingOf(id, {
    state: 'live',
    start: new Date(startedMs).toISOString(),
    durationMs: 0,
  })
  return {
    held: { recording, bytes },
    async event({ timeUs, code, data }) {
      const line = encodeEvent(timeUs, code, data)
      raw += line.length
      await body.write(line)
      return add(await body.flush())
    },
    async end(endUs) {
      const last = add(await body.end())
      return Buffer.concat([
        last,
        writer.seal({ endUs, rawBytes: raw }),
        ...writer.end({ endUs, reason: 'exit', exit: 0 }),
      ])
    },
  }
}
