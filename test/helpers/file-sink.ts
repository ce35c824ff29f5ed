import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { StreamSink } from '../../agent/capture/desktop/stream-sink.ts'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { DurableFile } from '../../disk/durable-file.ts'
import { utf8 } from '../../format/bytes.ts'
import type { StreamState } from '../../format/stream-writer.ts'

/** A stream in one file, `state.json` beside it. */
export interface FileSink extends StreamSink {
  readonly path: string
  readonly ended: boolean
  /** Bytes that are durable. */
  readonly durable: number
  close(): Promise<void>
}

export async function openFileSink(dir: string, name = 'screen.rfb.zst'): Promise<FileSink> {
  const path = join(dir, name)
  const statePath = join(dir, 'state.json')
  const kept = await readFile(statePath, 'utf8').then(
    (text) => JSON.parse(text) as { state: StreamState; ended: boolean },
    () => ({ state: { offset: 0, frame: 0, chain: null, written: [] }, ended: false }),
  )
  const file = await DurableFile.open(path)
  let { state, ended } = kept
  let size = file.size
  let durable = size
  return {
    path,
    get state() {
      return state
    },
    get ended() {
      return ended
    },
    get durable() {
      return durable
    },
    tail: async () => (ended ? new Uint8Array(0) : file.read(state.offset, size - state.offset)),
    async cut(tailBytes) {
      size = state.offset + tailBytes
      await file.cut(size)
    },
    begin: async () => undefined,
    async append(pieces) {
      await file.write(pieces, size)
      size += pieces.reduce((sum, piece) => sum + piece.length, 0)
    },
    async sync() {
      durable = (await file.sync()).size
    },
    async keep(next, end) {
      durable = (await file.sync()).size
      state = next
      ended = end
      await replaceFile(statePath, utf8(JSON.stringify({ state, ended })))
    },
    close: () => file.close(),
  }
}
