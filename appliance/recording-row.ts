/** A recording as the API tells it; node/http documents each member at /api. */
export interface RecordingRow {
  id: string
  session: string
  sequence: number
  user: string
  host: string
  application: string
  command: string
  client: { name: string; address: string }
  type: string
  state: string
  start: string
  end?: string
  durationMs: number
  /** Of all its streams. */
  bytes: number
  screenBytes: number
  gaps: number
  proof: 'sealed' | 'unproven' | 'failed'
  endReason?: string
  exit?: number
  columns: number
  rows: number
  agent: string
  lost?: unknown
}
