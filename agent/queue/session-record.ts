import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../disk/atomic-replace.ts'
import type { SourcePosition } from '../../format/records.ts'
import type { StreamState } from '../../format/stream-writer.ts'
import type { RecordedSession } from '../capture/session-file.ts'

// `session.json` beside a recording's frames: what a restarted agent must know. It is replaced whole, and always after
// the bytes it speaks of are durable.

export interface SessionRecord {
  version: 1
  recording: string
  stream: 'cast'
  /** Name of the recorder's folder under `run`. */
  folder: string
  session: RecordedSession
  /** As of the last boundary that is durable here. */
  state: StreamState
  /** Where the recorder's logs go on behind that boundary. */
  resume?: Resume
  /** Start of the highest frame of which a byte was ever sent; -1 before the first. */
  sentFrom: number
  /** Size of the finished stream, once END is durable here. */
  endSize?: number
  place?: string
  receipt?: string
}

/** A position in the logs, and how much behind it is in sealed frames already. */
export interface Resume {
  source: SourcePosition
  outputBytes: number
  resizes: number
}

const fileName = 'session.json'

export async function saveSessionRecord(dir: string, record: SessionRecord): Promise<void> {
  await replaceFile(join(dir, fileName), JSON.stringify(record))
}

/** `undefined` when there is none or it is not readable as one. */
export async function loadSessionRecord(dir: string): Promise<SessionRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(join(dir, fileName), 'utf8')) as SessionRecord
    return record.version === 1 && Array.isArray(record.state?.written) ? record : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}
