import type { RecordingDetail } from '../api/recording.ts'
import type { StoredRecording } from '../player/stored-stream.ts'

/** A file of the reviewer's as the player takes recordings. Nothing of it goes anywhere. */
export interface OpenedFile {
  recording: RecordingDetail
  stored: StoredRecording
}

/** Told how much was read, from 0 to 1. */
export type ReadShare = (share: number) => void

/** What is known of a recording that no server has told about. */
export function detailOf(file: File, known: Partial<RecordingDetail>): RecordingDetail {
  return {
    id: '',
    session: '',
    sequence: 0,
    user: '',
    host: '',
    application: file.name,
    command: '',
    client: { name: '', address: '' },
    type: 'terminal',
    state: 'complete',
    start: new Date(file.lastModified).toISOString(),
    durationMs: 0,
    bytes: file.size,
    events: 0,
    gaps: 0,
    proof: 'unproven',
    columns: 0,
    rows: 0,
    agent: '',
    node: '',
    fileName: file.name,
    ...known,
  }
}

const pieceBytes = 4 * 1024 * 1024

/** The file's bytes in order; between two pieces the page gets its turn. Rejects when the file is gone. */
export async function* piecesOf(file: Blob, read: ReadShare): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.size; at += pieceBytes) {
    yield new Uint8Array(await file.slice(at, at + pieceBytes).arrayBuffer())
    read(Math.min(1, (at + pieceBytes) / file.size))
  }
}

export async function bytesOf(file: Blob, from: number, to: number): Promise<Uint8Array> {
  return new Uint8Array(await file.slice(from, to).arrayBuffer())
}
