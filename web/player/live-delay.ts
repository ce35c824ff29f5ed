import { type ReadonlySignal, signal } from '@preact/signals'

/** Events looked at: the delay of the last few says how it is now. */
const samplesMax = 20
/** Beyond, it is not delay but clocks that differ. */
const plausibleMs = 60_000

export interface LiveDelay {
  readonly text: ReadonlySignal<string>
  /** Something recorded at `recordedMs` (wall clock of the host) is here now. */
  add(recordedMs: number): void
}

/** How long recorded bytes take to come here, as far as the two clocks agree. */
export function openLiveDelay(): LiveDelay {
  const text = signal('')
  const samples: number[] = []
  return {
    text,
    add(recordedMs) {
      samples.push(Date.now() - recordedMs)
      if (samples.length > samplesMax) samples.shift()
      const middle = [...samples].sort((a, b) => a - b)[samples.length >> 1]!
      if (middle < 0 || middle >= plausibleMs) text.value = 'delay unknown: the clocks differ'
      else if (middle < 1000) text.value = `delay ${Math.max(10, Math.round(middle / 10) * 10)} ms`
      else text.value = `delay ${(middle / 1000).toFixed(1)} s`
    },
  }
}
