/** Time as a recorder sees it: one that nobody sets, since the wall clock may jump by years. An hour of a session passes in seconds where another one is given. */
export interface Clock {
  /** Since any moment. */
  nowMs(): number
  /** Calls `call` once `ms` have passed, unless what it returns is called before. */
  after(ms: number, call: () => void): () => void
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}
