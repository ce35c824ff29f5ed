import { createHash } from 'node:crypto'
import { openCrypto } from '../../codec/crypto.ts'
import { farmIdOf, generateKeyPem, signerFromPem } from '../../codec/ed25519.ts'
import { openZstdBody } from '../../codec/zstd.ts'
import { concatBytes, toBase64url, utf8 } from '../../format/bytes.ts'
import type { Signer } from '../../format/ports.ts'
import { makeRecordingId } from '../../format/recording-id.ts'
import type { Facts, StreamName } from '../../format/records.ts'
import { StreamWriter } from '../../format/stream-writer.ts'
import { encodeEvent, encodeHeader, type TimelineEvent } from '../../format/timeline.ts'
import { signToken } from '../../format/token.ts'

export const crypto = openCrypto()

export interface Identities {
  farm: Signer
  agent: Signer
  certificate: string
}

export function makeIdentities(
  farmPem = generateKeyPem(),
  agentPem = generateKeyPem(),
  fromMs = 0,
): Identities {
  const farm = signerFromPem(farmPem)
  const agent = signerFromPem(agentPem)
  const certificate = signToken(
    {
      t: 'agent-certificate',
      agent: 'agent-1',
      host: 'ward-7',
      key: toBase64url(agent.publicKey),
      from: fromMs,
      until: 4_102_444_800_000,
      farm: farmIdOf(farm.publicKey),
    },
    farm,
  )
  return { farm, agent, certificate }
}

export const facts: Facts = {
  session: 's-1',
  sequence: 0,
  user: 'ada',
  uid: 1000,
  groups: ['staff'],
  host: 'ward-7',
  application: 'bash',
  command: 'bash -l',
  client: { name: '', address: '192.0.2.7' },
  type: 'terminal',
  startedMs: 1_790_000_000_000,
  term: 'xterm-256color',
  columns: 80,
  rows: 24,
  notified: true,
}

export const header = { version: 2, width: 80, height: 24, timestamp: 1_790_000_000 } as const

export function sampleId(seed = 1): string {
  return makeRecordingId(facts.startedMs, createHash('sha256').update(String(seed)).digest().subarray(0, 10))
}

export interface SampleStream {
  bytes: Uint8Array
  /** What `zstdcat` must print. */
  raw: Uint8Array
  recording: string
  /** Offsets just behind each SEAL, GAP and END. */
  boundaries: number[]
}

/** A frame's events, or an inline GAP, of 1 ms unless it says. */
export type SampleFrame = TimelineEvent[] | 'gap' | { gapUs: number }

/** A stream of one frame for each list of events, flushed after every event. */
export async function makeStream(
  identities: Identities,
  frames: SampleFrame[],
  options: { end?: boolean; recording?: string; stream?: StreamName; facts?: Partial<Facts> } = {},
): Promise<SampleStream> {
  const recording = options.recording ?? sampleId()
  const writer = new StreamWriter({
    recording,
    stream: options.stream ?? 'cast',
    signer: identities.agent,
    sha256: crypto.sha256,
    certificate: identities.certificate,
    facts: { ...facts, ...options.facts },
  })
  const parts: Uint8Array[] = []
  const raws: Uint8Array[] = []
  const boundaries: number[] = []
  let nowUs = 0
  for (const [index, events] of frames.entries()) {
    if (!Array.isArray(events)) {
      const gapUs = events === 'gap' ? 1000 : events.gapUs
      parts.push(writer.gap({ fromUs: nowUs, toUs: nowUs + gapUs, reason: 'crash', lostBytes: 7 }))
      if (events !== 'gap') nowUs += gapUs
    } else {
      const lines = events.map((event) => encodeEvent(event.timeUs, event.code, event.data))
      if (index === 0) lines.unshift(encodeHeader(header))
      parts.push(writer.head({ startUs: nowUs, wallMs: facts.startedMs + nowUs / 1000 }))
      const body = openZstdBody()
      const add = (compressed: Uint8Array) => {
        writer.body(compressed)
        parts.push(compressed)
      }
      for (const line of lines) {
        await body.write(line)
        add(await body.flush())
      }
      add(await body.end())
      nowUs = events.at(-1)?.timeUs ?? nowUs
      const raw = concatBytes(lines)
      raws.push(raw)
      parts.push(writer.seal({ endUs: nowUs, rawBytes: raw.length }))
    }
    boundaries.push(writer.offset)
  }
  if (options.end ?? true) {
    parts.push(...writer.end({ endUs: nowUs, reason: 'exit', exit: 0 }))
    boundaries.push(writer.offset)
  }
  return { bytes: concatBytes(parts), raw: concatBytes(raws), recording, boundaries }
}

/** `count` output events, `everyUs` apart, that read like a shell session. */
export function typingEvents(count: number, everyUs = 100_000, startUs = 0): TimelineEvent[] {
  return Array.from({ length: count }, (_, i) => ({
    timeUs: startUs + i * everyUs,
    code: 'o',
    data: `\u001b[32mada@ward-7\u001b[0m:~$ echo ${i}\r\n${i}\r\n`,
  }))
}

export function bytesOf(events: TimelineEvent[]): Uint8Array {
  return concatBytes(events.map((event) => utf8(event.data)))
}
