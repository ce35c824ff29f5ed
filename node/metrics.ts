import { statfs } from 'node:fs/promises'
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

/** Of a scrape, less than what monitors wait. */
const roomMsMax = 1_000

export interface MetricsOptions {
  worker: number
  version: string
  /** Folders whose room is told, by the first worker. */
  stores: string[]
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

export function openMetrics(options: MetricsOptions): Metrics {
  const { worker, version, stores, ingest, bus, viewers } = options
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
  counter(
    'lost_bytes',
    'Bytes that agents could not keep: a GAP tells of them.',
    () => ingest.stats().lostBytes,
  )
  counter('acks', 'Acknowledgements of synced bytes.', () => ingest.stats().acks)
  counter(
    'ack_seconds',
    'Time from the coming of bytes to their acknowledgement, of all.',
    () => ingest.stats().ackMs / 1000,
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
  const built = new Gauge({
    name: 'tapedeck_build_info',
    help: 'Version of the node.',
    labelNames: ['version'],
    registers: [registry],
  })
  built.set({ version }, 1)
  if (worker === 0) addStoreRoom(registry, stores)
  return {
    own: () => registry.getMetricsAsJSON() as Promise<MetricObject[]>,
    text: (ofWorkers) => (ofWorkers ? AggregatorRegistry.aggregate(ofWorkers).metrics() : registry.metrics()),
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
  }
}

/** A share that hangs is asked once: its last numbers stay until it answers. */
function addStoreRoom(registry: Registry, stores: string[]): void {
  const asking = new Map<string, Promise<void>>()
  const look = async () => {
    for (const store of stores) if (!asking.has(store)) asking.set(store, ask(store))
    const late = new Promise((resolve) => setTimeout(resolve, roomMsMax).unref())
    await Promise.race([Promise.all(asking.values()), late])
  }
  const gauge = (name: string, help: string) =>
    new Gauge({
      name: `tapedeck_store_${name}`,
      help,
      labelNames: ['store'],
      registers: [registry],
      collect: look,
    })
  const size = gauge('size_bytes', 'Size of the file system of a store folder.')
  const free = gauge('free_bytes', 'Bytes that a store folder can still take.')
  const ask = async (store: string) => {
    try {
      const { bavail, blocks, bsize } = await statfs(store)
      free.set({ store }, bavail * bsize)
      size.set({ store }, blocks * bsize)
    } catch {
      free.remove({ store })
      size.remove({ store })
    } finally {
      asking.delete(store)
    }
  }
}
