import { textOf, utf8 } from './bytes.ts'
import { FormatError } from './format-error.ts'
import { isRecordingId } from './recording-id.ts'
import { check, type Shape } from './shape.ts'

// The JSON payloads of HEAD, SEAL, GAP and END: FORMAT.md, "Records". Unknown members are kept by readers and ignored.

/** A record that is larger was not written by us; readers may hold one whole in memory. */
export const recordBytesMax = 4096
/** Newer major versions are refused with a clear text. */
export const formatVersion = 1

export type StreamName = 'cast' | 'rfb'
/** A recording's streams: the timeline, which every recording has, and a desktop's screen. */
export const streamNames: readonly StreamName[] = ['cast', 'rfb']
export type GapReason = 'expired' | 'quota' | 'flood' | 'crash' | 'paused' | 'store'
export type EndReason = 'exit' | 'rollover' | 'stopped' | 'terminated' | 'lost'

/** Byte offsets in the recorder's output and timing logs, and the timing log's own clock in µs, at the frame's start. */
export interface SourcePosition {
  out: number
  timing: number
  time: number
  /** Bytes of the output at `out` that earlier frames have already: a crash may divide what one timing line counts. */
  skip?: number
  /** Resizes behind `timing` that earlier frames have already: a character that was cut by one waits for its rest. */
  resizes?: number
  /** Of a session without a terminal: bytes of its errors and of its input, and how many transfers were told. */
  err?: number
  in?: number
  transfers?: number
  /** Of a desktop: how many events were told. */
  events?: number
}

/** What a session is: known when it starts. Times in ms since the epoch. */
export interface Facts {
  session: string
  sequence: number
  user: string
  uid: number
  groups: string[]
  host: string
  application: string
  command: string
  client: { name: string; address: string }
  /** `command`: a session without a terminal. */
  type: 'terminal' | 'command' | 'desktop'
  startedMs: number
  term: string
  columns: number
  rows: number
  notified: boolean
}

export interface Head {
  v: number
  recording: string
  stream: StreamName
  frame: number
  /** µs since the recording's start. */
  start: number
  /** ms since the epoch. */
  wall: number
  offset: number
  source?: SourcePosition
  certificate?: string
  facts?: Facts
  /** base64url of a screen's ServerInit: size, pixel format, name. */
  init?: string
}

export interface Seal {
  v: number
  frame: number
  end: number
  raw: number
  hash: string
  previous: string | null
  signature: string
}

export interface Gap {
  v: number
  recording: string
  from: number
  to: number
  reason: GapReason
  previous: string | null
  through?: string
  bytes?: number
  signature: string
}

export interface End {
  v: number
  frames: number
  end: number
  reason: EndReason
  exit?: number
  signal?: number
  previous: string | null
  signature: string
}

const hash: Shape = { text: 43 }
const previous: Shape = { nullable: hash }
const time: Shape = 'count'
const version: Shape = 'count'

export const sourceShape: Shape = {
  object: { out: 'count', timing: 'count', time },
  optional: {
    skip: 'count',
    resizes: 'count',
    err: 'count',
    in: 'count',
    transfers: 'count',
    events: 'count',
  },
}
export const factsShape: Shape = {
  object: {
    session: { text: 64 },
    sequence: 'count',
    user: { text: 256 },
    uid: 'count',
    groups: { list: { text: 256 }, max: 64 },
    host: { text: 256 },
    application: { text: 256 },
    command: { text: 1024 },
    client: { object: { name: { text: 256 }, address: { text: 64 } } },
    type: { oneOf: ['terminal', 'command', 'desktop'] },
    startedMs: 'count',
    term: { text: 64 },
    columns: 'count',
    rows: 'count',
    notified: 'flag',
  },
}

const shapes = {
  head: {
    object: {
      v: version,
      recording: { text: 36 },
      stream: { oneOf: ['cast', 'rfb'] },
      frame: 'count',
      start: time,
      wall: time,
      offset: 'count',
    },
    optional: { source: sourceShape, certificate: { text: 2048 }, facts: factsShape, init: { text: 256 } },
  },
  seal: {
    object: { v: version, frame: 'count', end: time, raw: 'count', hash, previous, signature: { text: 86 } },
  },
  gap: {
    object: {
      v: version,
      recording: { text: 36 },
      from: time,
      to: time,
      reason: { oneOf: ['expired', 'quota', 'flood', 'crash', 'paused', 'store'] },
      previous,
      signature: { text: 86 },
    },
    optional: { through: hash, bytes: 'count' },
  },
  end: {
    object: {
      v: version,
      frames: 'count',
      end: time,
      reason: { oneOf: ['exit', 'rollover', 'stopped', 'terminated', 'lost'] },
      previous,
      signature: { text: 86 },
    },
    optional: { exit: 'count', signal: 'count' },
  },
} satisfies Record<string, Shape>

interface RecordTypes {
  head: Head
  seal: Seal
  gap: Gap
  end: End
}

/** Throws FormatError `record` (not as specified) or `version` (newer than this reader). `offset` is for the message. */
export function parseRecord<K extends keyof RecordTypes>(
  kind: K,
  payload: Uint8Array,
  offset?: number,
): RecordTypes[K] {
  const at = offset === undefined ? {} : { offset }
  let value: unknown
  try {
    value = JSON.parse(textOf(payload) ?? '')
  } catch {
    throw new FormatError('record', `Expected the ${kind.toUpperCase()} record to be JSON in UTF-8.`, at)
  }
  const found = (value as { v?: unknown } | null)?.v
  if (typeof found === 'number' && found > formatVersion) {
    const hint = 'Read it with a newer version of Tapedeck.'
    throw new FormatError(
      'version',
      `Format version ${found} is newer than this reader's ${formatVersion}.`,
      { ...at, hint },
    )
  }
  const problem = check(shapes[kind], value, kind.toUpperCase())
  if (problem) throw new FormatError('record', problem, at)
  if ('recording' in (value as object) && !isRecordingId((value as Head).recording))
    throw new FormatError('record', `${kind.toUpperCase()}.recording: expected a UUIDv7.`, at)
  return value as RecordTypes[K]
}

export function encodeHead(head: Head): Uint8Array {
  const payload = utf8(JSON.stringify(head))
  if (payload.length > recordBytesMax)
    throw new FormatError(
      'record-size',
      `A HEAD may have ${recordBytesMax} bytes, this one has ${payload.length}.`,
    )
  return payload
}
