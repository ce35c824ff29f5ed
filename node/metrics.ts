import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  type MetricObject,
  Registry,
} from 'prom-client'
import type { Bus } from './bus/bus.ts'
import type { Ingest } from './ingest/ingest.ts'

// What a node counts, in Prometheus' text format. Each worker has its own series, so that a counter begins at 0 only where
// its process does.

export interface MetricsOptions {
  worker: number
  ingest: Ingest
  bus: Bus
  viewers(): number
}

export interface Metrics {
  /** As JSON, for the primary. */
  own(): Promise<MetricObject[]>
  /** `ofWorkers` = what each worker says; without it, of this process. */
  text(ofWorkers?: MetricObject[][]): Promise<string>
  readonly contentType: string
}

export function openMetrics({ worker, ingest, bus, viewers }: MetricsOptions): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels({ worker: String(worker) })
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `tapedeck_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value())
      },
    })
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      name: `tapedeck_${name}_total`,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(value())
      },
    })
  gauge('agents', 'Agents that are connected.', () => ingest.stats().connections)
  gauge('streams', 'Streams that agents have open.', () => ingest.stats().channels)
  gauge(
    'streams_waiting',
    'Open streams whose file cannot be opened or written now.',
    () => ingest.stats().waiting,
  )
  counter('accepted_bytes', 'Bytes of recordings that came from agents.', () => ingest.stats().acceptedBytes)
  counter(
    'durable_bytes',
    'Bytes of recordings that are synced to a store.',
    () => ingest.stats().durableBytes,
  )
  gauge(
    'credit_bytes',
    'Bytes that agents may still send before more is synced.',
    () => ingest.stats().reservedBytes,
  )
  counter('store_errors', 'Writes and opens that a store failed.', () => ingest.stats().storeErrors)
  gauge('store_trouble', '1 while a store is in trouble.', () => (ingest.stats().trouble ? 1 : 0))
  gauge(
    'unrecorded_logins',
    'Logins of now and the last hour that nobody records, on hosts whose agents are connected.',
    () => ingest.stats().agents.reduce((sum, { unrecordedLogins = 0 }) => sum + unrecordedLogins, 0),
  )
  counter(
    'unrecorded_logins',
    'Logins that nobody recorded, as agents told.',
    () => ingest.stats().unrecordedLogins,
  )
  gauge('viewers', 'Viewers of live recordings.', viewers)
  gauge('bus_connected', '1 while this process hears the other ones of the farm.', () =>
    bus.connected ? 1 : 0,
  )
  return {
    own: () => registry.getMetricsAsJSON() as Promise<MetricObject[]>,
    text: (ofWorkers) => (ofWorkers ? AggregatorRegistry.aggregate(ofWorkers).metrics() : registry.metrics()),
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
  }
}
