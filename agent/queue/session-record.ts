import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { isRecordingId } from '../../format/recording-id.ts'
import { factsShape, type SourcePosition, type StreamName, sourceShape } from '../../format/records.ts'
import { check, type Shape } from '../../format/shape.ts'
import { tokenCharactersMax } from '../../format/token.ts'
import type { RecordedSession } from '../capture/session-file.ts'

// `session.json` beside a stream's frames: what a restarted agent must know, and the frames do not say. It is replaced
// whole, and always after the bytes it speaks of are durable.

export interface SessionRecord {
  version: 1
  recording: string
  stream: StreamName
  /** Under which identity it was begun and is signed. */
  agent?: string
  /** Name of the recorder's folder under `run`; of a desktop, its name. */
  folder: string
  session: RecordedSession
  /** Where in the recorder's logs the recording begins, if not at their beginning. */
  resume?: Resume
  /** Start of the highest file of which a byte may ever have been sent; -1 before the first. */
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

const token: Shape = { text: tokenCharactersMax }
const shape: Shape = {
  object: {
    version: 'count',
    recording: { text: 36 },
    stream: { oneOf: ['cast', 'rfb'] },
    folder: { text: 255 },
    session: {
      object: { facts: factsShape, pid: 'count', ticks: { text: 20 }, boot: { text: 64 } },
      optional: { tty: { text: 64 }, means: { text: 64 } },
    },
    sentFrom: 'number',
  },
  optional: {
    agent: { text: 64 },
    resume: { object: { source: sourceShape, outputBytes: 'count', resizes: 'count' } },
    endSize: 'count',
    place: token,
    receipt: token,
  },
}

export async function saveSessionRecord(dir: string, record: SessionRecord): Promise<void> {
  await replaceFile(join(dir, fileName), JSON.stringify(record))
}

/** `undefined` when there is none or it is not readable as one. */
export async function loadSessionRecord(dir: string): Promise<SessionRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(join(dir, fileName), 'utf8'))
    return isSessionRecord(record) ? record : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

function isSessionRecord(value: unknown): value is SessionRecord {
  if (check(shape, value, 'session.json') !== undefined) return false
  const { version, recording, folder } = value as SessionRecord
  // The folder's name becomes part of a path.
  return version === 1 && isRecordingId(recording) && !folder.includes('/') && !folder.startsWith('.')
}
