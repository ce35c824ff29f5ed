import { bytesOfText } from '../../format/output-text.ts'
import type { SourcePosition } from '../../format/records.ts'
import type { TimelineEvent } from '../../format/timeline.ts'

/** How far the logs of a session without a terminal are told: bytes of output, errors and input, and transfers. */
export interface PipePosition {
  out: number
  err: number
  in: number
  transfers: number
}

export function pipePosition(source: SourcePosition | undefined): PipePosition {
  return {
    out: source?.out ?? 0,
    err: source?.err ?? 0,
    in: source?.in ?? 0,
    transfers: source?.transfers ?? 0,
  }
}

export function sourceOf(position: PipePosition, timeUs: number): SourcePosition {
  return { ...position, timing: 0, time: timeUs }
}

/** Where the logs go on behind these events, which tell of them from `source` on. */
export function positionBehind(source: SourcePosition, events: readonly TimelineEvent[]): SourcePosition {
  const position = pipePosition(source)
  let timeUs = source.time
  let isError = false
  for (const { code, data, timeUs: atUs } of events) {
    timeUs = Math.max(timeUs, atUs)
    if (code === 'i') position.in += bytesOfText(data).length
    if (code === 'o') position[isError ? 'err' : 'out'] += bytesOfText(data).length
    const kind = code === 'e' ? (JSON.parse(data) as { kind?: unknown }).kind : undefined
    if (kind === 'file-transfer') position.transfers += 1
    isError = kind === 'stderr'
  }
  return sourceOf(position, timeUs)
}
