import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:https'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { MetricObject } from 'prom-client'
import type { Crypto, Signer } from '../../format/ports.ts'
import type { Bus } from '../bus/bus.ts'
import type { CatalogDatabase } from '../catalog/open-catalog.ts'
import type { NodeConfig } from '../config.ts'
import type { ImporterIdentity } from '../importer-identity.ts'
import type { Indexer } from '../index/indexer.ts'
import type { Ingest } from '../ingest/ingest.ts'
import type { FarmHub } from '../live/farm-hub.ts'
import type { Metrics } from '../metrics.ts'
import type { ActivePolicy } from '../policy/active-policy.ts'
import type { Store } from '../store/store.ts'
import type { Gate } from './gate.ts'

/** What the routes work with. */
export interface HttpContext {
  config: NodeConfig
  version: string
  startedMs: number
  db: CatalogDatabase
  store: Store
  /** Orders to it reach every process of the farm; what it tells is of this one. */
  ingest: Ingest
  live: FarmHub
  bus: Bus
  policy: ActivePolicy
  farm: { id: string; signer: Signer }
  importer: ImporterIdentity
  crypto: Crypto
  indexer: Indexer
  log: FastifyBaseLogger
  /** Work that reads whole recordings: verify, export, import. */
  heavy: Gate
  /** Taken in by this node since it started. */
  acceptedBytes(): number
  metrics: Metrics
  /** Metrics of each worker, where this is one of several. */
  ofWorkers?: () => Promise<MetricObject[][]>
}

export type App = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>
