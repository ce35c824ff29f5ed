import { type Static, Type } from '@fastify/type-provider-typebox'
import type { RecordingRow } from '../catalog/schema.ts'

const text = Type.String()
const count = Type.Integer({ minimum: 0 })
const oneOf = <T extends string>(...values: T[]) => Type.Unsafe<T>({ type: 'string', enum: values })

/** A recording as the API shows it. Times ISO 8601, durations ms, sizes bytes. */
export const recordingProperties = {
  id: text,
  session: text,
  sequence: count,
  user: text,
  host: text,
  application: text,
  command: text,
  client: Type.Object({ name: text, address: text }),
  type: text,
  state: oneOf('live', 'complete', 'dormant', 'archived'),
  start: text,
  end: Type.Optional(text),
  durationMs: count,
  bytes: Type.Integer({ minimum: 0, description: 'Of all its streams.' }),
  screenBytes: Type.Integer({ minimum: 0, description: "Of a desktop's screen." }),
  events: Type.Integer({ description: 'Events tagged in it; none are tagged yet.' }),
  gaps: count,
  proof: oneOf('sealed', 'unproven', 'failed'),
  problem: Type.Optional(text),
  endReason: Type.Optional(text),
  exit: Type.Optional(Type.Integer()),
  signal: Type.Optional(Type.Integer()),
  columns: Type.Integer({
    minimum: 0,
    description: 'At its start: cells of a terminal, pixels of a desktop.',
  }),
  rows: count,
  agent: text,
  node: text,
  lost: Type.Optional(Type.String({ description: 'Since when its agent has been silent.' })),
}

export const Recording = Type.Object(recordingProperties)

export type RecordingView = Static<typeof Recording>

export function recordingView(row: RecordingRow, nowMs: number): RecordingView {
  const { columns = 0, rows = 0 } = JSON.parse(row.facts) as { columns?: number; rows?: number }
  const recordedMs = Math.floor(row.endUs / 1000)
  return {
    id: row.id,
    session: row.session,
    sequence: row.sequence,
    user: row.userName,
    host: row.host,
    application: row.application,
    command: row.command,
    client: { name: row.clientName, address: row.clientAddress },
    type: row.type,
    state: row.state,
    start: new Date(row.startMs).toISOString(),
    ...(row.endMs !== null && { end: isoOf(row.endMs) }),
    durationMs: row.state === 'live' ? Math.max(recordedMs, nowMs - row.startMs, 0) : recordedMs,
    bytes: row.bytes + row.screenBytes,
    screenBytes: row.screenBytes,
    events: 0,
    // The timeline tells most gaps of the screen, too.
    gaps: Math.max(row.gaps, row.screenGaps),
    proof: row.proof,
    ...(row.problem !== null && { problem: row.problem }),
    ...(row.endReason !== null && { endReason: row.endReason }),
    ...(row.exitStatus !== null && { exit: row.exitStatus }),
    ...(row.exitSignal !== null && { signal: row.exitSignal }),
    columns,
    rows,
    agent: row.agent,
    node: row.node,
    ...(row.lostMs !== null && { lost: isoOf(row.lostMs) }),
  }
}

/** A recording may claim to end after the year 275,760, where Date ends. */
function isoOf(ms: number): string {
  return new Date(Math.min(ms, 8.64e15)).toISOString()
}
