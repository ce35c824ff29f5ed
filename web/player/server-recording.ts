import type { FrameTable } from '../../format/frame-entry.ts'
import type { Api } from '../api/api.ts'
import { ApiError } from '../api/api-error.ts'
import type { RecordingDetail } from '../api/recording.ts'
import { release } from './release.ts'
import type { IndexAnswer, StoredRecording, StoredStream } from './stored-stream.ts'
import { decodeFrame } from './terminal/frame-decoder.ts'

/** A recording of the server: its frames are fetched by range, when they are wanted. */
export function serverRecording(api: Api, { id, type }: RecordingDetail): StoredRecording {
  const path = `/api/recordings/${id}`
  const stream = (name: StoredStream['name']): StoredStream => ({
    name,
    table: (signal) => api.call<FrameTable>(`${path}/frames?stream=${name}`, { signal }),
    bytes: (from, to, signal) => api.bytes(`${path}/streams/${name}`, from, to, signal),
  })
  const timeline = stream('cast')
  return {
    timeline: {
      ...timeline,
      async events({ bodyOffset, bodySize, rawBytes }, signal) {
        const body = await timeline.bytes(bodyOffset, bodyOffset + bodySize, signal)
        try {
          return await decodeFrame(body, rawBytes)
        } finally {
          release(body)
        }
      },
    },
    ...(type === 'desktop' && { screen: orEmpty(stream('rfb')) }),
    index: {
      answer: (signal) => api.call<IndexAnswer>(`${path}/index`, { signal }),
      block: (at, signal) => api.whole(`${path}/index/${at}`, signal),
      url: (at) => `${path}/index/${at}`,
    },
  }
}

// A desktop of which nothing was seen yet, or of which only events are recorded, has no such stream.
function orEmpty(stream: StoredStream): StoredStream {
  return {
    ...stream,
    table: (signal) =>
      stream.table(signal).catch((error) => {
        if (error instanceof ApiError && error.status === 404) return { size: 0, frames: [] }
        throw error
      }),
  }
}
