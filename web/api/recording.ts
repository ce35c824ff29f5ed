// What the API says about recordings (GET /api/openapi.json has the schema).

export type RecordingState = 'live' | 'complete' | 'dormant' | 'archived'

export interface Recording {
  id: string
  session: string
  sequence: number
  user: string
  host: string
  application: string
  command: string
  client: { name: string; address: string }
  type: string
  state: RecordingState
  start: string
  end?: string
  durationMs: number
  bytes: number
  events: number
  gaps: number
  proof: 'sealed' | 'unproven' | 'failed'
  endReason?: string
  exit?: number
  columns: number
  rows: number
  agent: string
  node: string
  lost?: boolean
}

/** GET /api/recordings/:id */
export interface RecordingDetail extends Recording {
  followUps?: (string | { id: string })[]
  streams?: { stream: string; size: number }[]
  /** Of a file of the reviewer's, of which no server knows. */
  fileName?: string
}

export interface RecordingPage {
  recordings: Recording[]
  next?: string
}
