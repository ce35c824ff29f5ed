import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:https'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Crypto, Signer } from '../../format/ports.ts'
import type { CatalogDatabase } from '../catalog/open-catalog.ts'
import type { NodeConfig } from '../config.ts'
import type { ImporterIdentity } from '../importer-identity.ts'
import type { Indexer } from '../index/indexer.ts'
import type { Ingest } from '../ingest/ingest.ts'
import type { LiveHub } from '../live/live-hub.ts'
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
  ingest: Ingest
  live: LiveHub
  policy: ActivePolicy
  farm: { id: string; signer: Signer }
  importer: ImporterIdentity
  crypto: Crypto
  indexer: Indexer
  log: FastifyBaseLogger
  /** Work that reads whole recordings: verify, export, import. */
  heavy: Gate
}

export type App = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>
