import type { End, Gap } from '../format/records.ts'
import type { TimelineEvent, TimelineHeader } from '../format/timeline.ts'
import { TimelineDecoder } from '../format/timeline-decoder.ts'
import { readBodies } from './read-bodies.ts'

export type RecordingItem =
  | { kind: 'header'; header: TimelineHeader }
  | { kind: 'events'; events: TimelineEvent[]; sealed: boolean }
  | { kind: 'gap'; gap: Gap }
  | { kind: 'end'; end: End }

/** The content of a timeline stream: see `readBodies`. `headerSent`: the bytes begin with a later frame. */
export async function* readRecording(
  stored: AsyncIterable<Uint8Array>,
  options: { headerSent?: boolean } = {},
): AsyncGenerator<RecordingItem> {
  let headerSent = options.headerSent ?? false
  for await (const item of readBodies(stored)) {
    if (item.kind !== 'body') {
      yield item
      continue
    }
    const decoder = new TimelineDecoder({ headerExpected: !headerSent })
    const events = decoder.push(item.raw)
    if (decoder.header) {
      headerSent = true
      yield { kind: 'header', header: decoder.header }
    }
    if (events.length > 0) yield { kind: 'events', events, sealed: item.sealed }
  }
}
