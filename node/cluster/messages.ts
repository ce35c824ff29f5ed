import type { MetricObject } from 'prom-client'
import { type BusMessage, isBusMessage } from '../bus/cluster-bus.ts'

// What the primary and its workers say to each other, by node:cluster's channel.

export type FromWorker =
  | { kind: 'ready'; url: string; port: number; ports: Record<string, number> }
  /** Said again and again while its event loop runs. */
  | { kind: 'alive'; acceptedBytes: number; metrics: MetricObject[] }
  | { kind: 'metrics'; number: number }
  | BusMessage

export type ToWorker =
  /** Taken in by all workers since the primary started. */
  | { kind: 'node'; acceptedBytes: number }
  /** Of each worker, as it said last. */
  | { kind: 'metrics'; number: number; ofWorkers: MetricObject[][] }
  /** Finish what has come, and go. */
  | { kind: 'stop' }
  | BusMessage

/** How often a worker says that it is alive. */
export const aliveMs = 1000

/** What is neither is none of ours: other modules use the same channel. */
export function ours<M extends FromWorker | ToWorker>(message: unknown): Exclude<M, BusMessage> | undefined {
  if (isBusMessage(message)) return undefined
  return typeof message === 'object' &&
    message !== null &&
    typeof (message as { kind?: unknown }).kind === 'string'
    ? (message as Exclude<M, BusMessage>)
    : undefined
}
