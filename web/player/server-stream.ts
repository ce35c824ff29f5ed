import type { FrameTable } from '../../format/frame-entry.ts'
import type { Api } from '../api/api.ts'
import type { StoredIndex, StoredStream } from './stored-stream.ts'
import { decodeFrame, release } from './terminal/frame-decoder.ts'

/** A recording of the server: frames are fetched by range, when they are wanted. */
export function serverStream(api: Api, recording: string): StoredStream {
  const path = `/api/recordings/${recording}`
  const bytes: StoredStream['bytes'] = (from, to, signal) =>
    api.bytes(`${path}/streams/cast`, from, to, signal)
  return {
    table: (signal) => api.call<FrameTable>(`${path}/frames?stream=cast`, { signal }),
    async events({ bodyOffset, bodySize, rawBytes }, signal) {
      const body = await bytes(bodyOffset, bodyOffset + bodySize, signal)
      try {
        return await decodeFrame(body, rawBytes)
      } finally {
        release(body)
      }
    },
    bytes,
    index: (signal) => api.call<StoredIndex>(`${path}/index`, { signal }),
    indexBlock: (at, signal) => api.whole(`${path}/index/${at}`, signal),
    indexUrl: (at) => `${path}/index/${at}`,
  }
}
