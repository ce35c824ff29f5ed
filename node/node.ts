import { readFile, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'
import type { MetricObject } from 'prom-client'
import { openCrypto } from '../codec/crypto.ts'
import { farmIdOf, signerFromPem } from '../codec/ed25519.ts'
import { indexKey } from '../codec/mac.ts'
import { concatBytes } from '../format/bytes.ts'
import { streamNames } from '../format/records.ts'
import { productVersion } from '../service/product-version.ts'
import type { WorkerChannel } from './bus/cluster-bus.ts'
import { openBus } from './bus/open-bus.ts'
import { openQuestions } from './bus/questions.ts'
import { openDormantWatch } from './catalog/dormant.ts'
import { openCatalog } from './catalog/open-catalog.ts'
import { openRowRebuilder, rebuildCatalog } from './catalog/rebuild.ts'
import { findRecording, isBuried, isEmpty } from './catalog/recordings.ts'
import { openRegister } from './catalog/register.ts'
import { sweepSignIns } from './catalog/sign-ins.ts'
import type { NodeConfig } from './config.ts'
import type { Entrances } from './http/entrances.ts'
import { Gate } from './http/gate.ts'
import { buildServer } from './http/server.ts'
import { openImporter } from './importer-identity.ts'
import { openIndexer } from './index/indexer.ts'
import { indexingRegister } from './index/indexing-register.ts'
import { openFarmIngest } from './ingest/farm-ingest.ts'
import { openIngest } from './ingest/ingest.ts'
import type { IngestLimits } from './ingest/limits.ts'
import { openFarmHub } from './live/farm-hub.ts'
import { openMetrics } from './metrics.ts'
import { openActivePolicy } from './policy/active-policy.ts'
import { encodeLost } from './store/lost-mark.ts'
import { openStore } from './store/store.ts'

export interface RunningNode {
  /** How people reach it. */
  url: string
  port: number
  /** The farm's ports, where the config asks for them. */
  ports: Entrances['ports']
  /** For the primary, where this is a worker. */
  counted(): Promise<{ acceptedBytes: number; metrics: MetricObject[] }>
  /** Finishes what has come, acknowledges it, and closes everything. */
  close(): Promise<void>
}

export interface NodeOptions {
  /** Pino's; by default warnings and errors as JSON lines on standard error. */
  log?: FastifyBaseLogger
  limits?: Partial<IngestLimits>
  dormant?: { silenceMs?: number; everyMs?: number }
  /** Where this is one of a node's workers. */
  worker?: WorkerOf
}

export interface WorkerOf {
  channel: WorkerChannel
  /** From 0; the first one does what a node does once. */
  index: number
  /** Taken in by all workers of the node. */
  acceptedBytes(): number
  /** What each worker counts. */
  metrics(): Promise<MetricObject[][]>
}

/** Verify, export and import at once: two leave a core for ingest on the smallest machine. */
const heavyMax = 2
const heavyWaitingMax = 32
const sweepMs = 3_600_000
/** Answers that are not out so long after the node closed are cut. */
const answersMs = 5000

export async function startNode(config: NodeConfig, options: NodeOptions = {}): Promise<RunningNode> {
  const log: FastifyBaseLogger = options.log ?? pino({ level: 'warn' }, pino.destination(2))
  const { worker } = options
  const isFirst = (worker?.index ?? 0) === 0
  const crypto = openCrypto()
  const signer = signerFromPem(await readFile(config.farmKey, 'utf8'))
  const farm = { id: farmIdOf(signer.publicKey), signer }
  const importer = await openImporter(config.importerKey, config.name, signer)
  // What a killed node was importing.
  await rm(config.temp, { recursive: true, force: true })

  const stores = {
    folders: config.stores,
    ...(config.restore !== undefined && { restore: config.restore }),
    farm: farm.id,
    farmKey: signer.publicKey,
  }
  const store = await openStore({ ...stores, crypto })
  const indexer = openIndexer({
    ...stores,
    store,
    macKey: indexKey(signer),
    failed: (recording, error) =>
      log.warn({ recording, ...error }, 'A recording could not be indexed: players read it whole.'),
  })
  const db = await openCatalog(config.catalog, config.workers)
  const failed = (code: string, text: string) => (err: unknown) => log.error({ code, err }, text)
  const bus = await openBus({
    ...(config.redis && { redis: config.redis }),
    ...(worker && { channel: worker.channel }),
    farm: farm.id,
    onState: (connected, err) =>
      connected
        ? log.info({ code: 'redis-back' }, 'Redis is connected.')
        : log.warn(
            { code: 'redis-away', err },
            'Redis is away: live views go by the files until it is back.',
          ),
  })
  const questions = openQuestions(bus)
  const live = openFarmHub(bus, questions, async (recording, stream, from, to) => {
    const row = await findRecording(db, recording)
    return row ? concatBytes(await Array.fromAsync(store.readRange(row, stream, from, to))) : new Uint8Array()
  })

  const withdrawLost = async (recording: string) => {
    const row = await findRecording(db, recording)
    if (row) await store.withdrawLost(row)
    log.info({ code: 'recording-returned', recording }, 'The agent of a dormant recording is back.')
  }
  const closing = new AbortController()
  const rebuildOptions = {
    db,
    store,
    node: config.name,
    farmKey: signer.publicKey,
    crypto,
    signal: closing.signal,
  }
  const rebuildRow = openRowRebuilder(rebuildOptions, (recording) =>
    log.warn({ code: 'row-rebuilt', recording }, 'The catalog had lost a recording.'),
  )
  const register = openRegister({
    db,
    missing: async (recording) => {
      if (await isBuried(db, recording)) local.discard(recording)
      else await rebuildRow(recording)
    },
    node: config.name,
    returned: (recording) =>
      void withdrawLost(recording).catch(failed('lost-mark', 'A LOST mark could not be withdrawn.')),
    failed: failed('catalog-write', 'The catalog could not be written; it is tried again.'),
  })
  const policy = openActivePolicy(db, bus)
  const local = await openIngest({
    node: config.name,
    signer,
    crypto,
    store,
    register: config.index ? indexingRegister(register, indexer) : register,
    live,
    decisions: policy,
    questions,
    log,
    ...(options.limits && { limits: options.limits }),
  })
  const ingest = openFarmIngest(bus, local)
  const dormant = openDormantWatch({
    db,
    connected: () => new Set(ingest.stats().agents.map(({ agent }) => agent)),
    isOpen: (recording) => streamNames.some((stream) => live.current(recording, stream) !== undefined),
    markLost: async (row, sinceMs) => {
      const offset = (await store.size(row, 'cast')) ?? 0
      const screenOffset = await store.size(row, 'rfb')
      const mark = { recording: row.id, offset, ...(screenOffset !== undefined && { screenOffset }), sinceMs }
      await store.markLost(row, encodeLost(mark, signer))
    },
    found: (row, sinceMs) =>
      log.warn(
        { code: 'recording-dormant', recording: row.id, agent: row.agent, sinceMs },
        'A recording is dormant.',
      ),
    failed: failed('dormant-watch', 'Silent recordings could not be looked for or marked.'),
    ...options.dormant,
  })

  const version = await productVersion()
  const metrics = openMetrics({
    worker: worker?.index ?? 0,
    version,
    stores: config.stores,
    ingest: local,
    bus,
    viewers: () => upgrades.viewers,
  })
  const { app, upgrades, entrances } = await buildServer({
    config,
    version,
    startedMs: Date.now(),
    db,
    store,
    ingest,
    live,
    bus,
    policy,
    farm,
    importer,
    crypto,
    indexer,
    log,
    heavy: new Gate(heavyMax, heavyWaitingMax),
    metrics,
    ...(worker && { ofWorkers: () => worker.metrics() }),
    acceptedBytes: worker?.acceptedBytes ?? (() => local.stats().acceptedBytes),
  })

  const rebuild = async () => {
    if (!isFirst || !(await isEmpty(db))) return
    const counts = await rebuildCatalog({
      ...rebuildOptions,
      folders: config.stores,
      skipped: (recording, err) =>
        log.warn(
          { code: 'rebuild-skipped', recording, err },
          'A stored file was not taken into the catalog.',
        ),
    })
    if (counts.added + counts.skipped > 0)
      log.warn(
        { code: 'catalog-rebuilt', ...counts },
        'The catalog was empty and was rebuilt from the store.',
      )
  }
  const sweep = setInterval(
    () =>
      isFirst &&
      void sweepSignIns(db, Date.now()).catch(failed('sweep', 'Old sign-ins could not be removed.')),
    sweepMs,
  )
  const closeParts = async () => {
    clearInterval(sweep)
    closing.abort()
    await dormant.close()
    await rebuilding
    await indexer.close()
    await register.close()
    live.close()
    questions.close()
    await bus.close()
    await db.destroy()
  }
  let rebuilding: Promise<void> = Promise.resolve()
  try {
    await app.listen({ host: config.host, port: config.port })
    await entrances.listen()
  } catch (error) {
    entrances.close()
    await ingest.close()
    await app.close()
    await closeParts()
    throw error
  }
  rebuilding = rebuild().catch(failed('rebuild', 'The catalog could not be rebuilt.'))
  const { port } = app.server.address() as AddressInfo
  const url = config.publicUrl ?? `https://localhost:${port}`
  log.info({ code: 'node-started', url, farm: farm.id }, 'The node listens.')
  if (isFirst)
    for (const { path, error } of await store.check())
      if (error)
        log.error(
          { code: error.code, hint: error.hint, path },
          `Recordings are not stored now: ${error.text}`,
        )

  let closed: Promise<void> | undefined
  const close = async () => {
    entrances.stop()
    upgrades.close()
    await ingest.drain()
    await ingest.close()
    const late = setTimeout(() => entrances.close(), answersMs)
    await app.close()
    clearTimeout(late)
    entrances.close()
    await closeParts()
    log.info({ code: 'node-stopped' }, 'The node has stopped.')
  }
  return {
    url,
    port,
    ports: entrances.ports,
    counted: async () => ({ acceptedBytes: local.stats().acceptedBytes, metrics: await metrics.own() }),
    close: () => {
      closed ??= close()
      return closed
    },
  }
}
