/** Bounds of one worker. Tests shorten the times. */
export interface IngestLimits {
  creditBytesMax: number
  channelCreditBytesMax: number
  heartbeatMs: number
  helloMs: number
  recheckMs: number
  ackDelayMs: number
  progressMs: number
  receiptMs: number
  retryMsMin: number
  retryMsMax: number
  staleShareMs: number
  drainMs: number
  storeCallsMax: number
  callsMax: number
  openFilesMax: number
}

export const defaultLimits: IngestLimits = {
  /** Received and not yet synced, in memory: what a worker may hold while every store hangs. */
  creditBytesMax: 256 * 1024 * 1024,
  /** One channel's part of it: fills a link of 100 MB/s for the 10 ms a sync takes. */
  channelCreditBytesMax: 1024 * 1024,
  /** Two missed ones end a connection; load balancers drop silent ones after 30 s or more. */
  heartbeatMs: 10_000,
  /** A socket that does not say who it is in this time is closed. */
  helloMs: 10_000,
  /** SPEC S10: a revoked agent is cut off within a minute. */
  recheckMs: 55_000,
  /** Acks of a connection wait this long for company; RECORDING asks for one every 500 ms. */
  ackDelayMs: 5,
  /** The catalog takes one transaction a second. */
  progressMs: 1_000,
  /** Between two receipts of one channel: each costs a signature here and some file calls on the host, which only lets go of its copy. */
  receiptMs: 500,
  /** A store that failed is tried again after this, doubling. */
  retryMsMin: 250,
  retryMsMax: 10_000,
  /** A share's attribute cache shows an old size for up to this long. */
  staleShareMs: 60_000,
  /** What has come is synced within this time on any store that works. */
  drainMs: 10_000,
  /** A hung store holds at most this many threads of the pool. */
  storeCallsMax: 8,
  /** All stores together; the rest of the pool serves readers. */
  callsMax: 16,
  /** Opening a file again costs more than its write. Half of the descriptors the system allows is a second bound. */
  openFilesMax: 8_192,
}
