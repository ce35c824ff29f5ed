import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { WebSocketServer } from 'ws'
import { farmIdOf } from '../../../codec/ed25519.ts'
import { agentSocketOptions } from '../../../node/ingest/agent-socket-options.ts'
import { type Ingest, openIngest } from '../../../node/ingest/ingest.ts'
import type { IngestLimits } from '../../../node/ingest/limits.ts'
import type {
  CompletedRecording,
  OpenedRecording,
  RecordingProgress,
  RecordingRegister,
} from '../../../node/ingest/register.ts'
import { type LiveHub, openLiveHub } from '../../../node/live/live-hub.ts'
import { openStore, type Store } from '../../../node/store/store.ts'
import { createStore } from '../../../node/store/store-identity.ts'
import { crypto, type Identities, makeIdentities } from '../../helpers/sample-stream.ts'

export interface TestRegister extends RecordingRegister {
  allowed: boolean
  discarded: Set<string>
  failing: boolean
  rows: OpenedRecording[]
  progressed: Map<string, RecordingProgress>
  done: Map<string, CompletedRecording>
  heartbeats: number
}

export interface TestNode {
  url: string
  folders: string[]
  ingest: Ingest
  store: Store
  live: LiveHub
  register: TestRegister
  identities: Identities
  errors: string[]
}

function openRegister(): TestRegister {
  const register: TestRegister = {
    allowed: true,
    discarded: new Set(),
    failing: false,
    rows: [],
    progressed: new Map(),
    done: new Map(),
    heartbeats: 0,
    agentStanding: async () => (register.allowed ? 'allowed' : 'revoked'),
    succeeds: async () => false,
    heartbeat: () => {
      register.heartbeats += 1
    },
    async opened(row) {
      if (register.failing) throw new Error('The catalog is away.')
      register.rows.push(row)
      return register.discarded.has(row.recording) ? 'discarded' : 'accepted'
    },
    progress: (recording, progress) => void register.progressed.set(recording, progress),
    async completed(recording, completed) {
      if (register.failing) throw new Error('The catalog is away.')
      register.done.set(recording, completed)
    },
  }
  return register
}

/** A real ingest behind a real WebSocket server, over real folders. `wrap` may put faults into the store. */
export async function startTestNode(
  t: ExecutionContext,
  options: {
    folders?: number
    limits?: Partial<IngestLimits>
    wrap?: (store: Store) => Store
    home?: string
    identities?: Identities
    register?: TestRegister
  } = {},
): Promise<TestNode> {
  const home = options.home ?? (await mkdtemp(join(tmpdir(), 'tapedeck-ingest-')))
  const identities = options.identities ?? makeIdentities()
  const folders = Array.from({ length: options.folders ?? 1 }, (_, i) => join(home, `store-${i}`))
  for (const folder of folders) await createStore(folder)
  const farm = farmIdOf(identities.farm.publicKey)
  const farmKey = identities.farm.publicKey
  const plain = await openStore({ folders, farm, farmKey, crypto })
  const store = options.wrap ? options.wrap(plain) : plain
  const live = openLiveHub()
  const register = options.register ?? openRegister()
  const errors: string[] = []
  const ingest = await openIngest({
    node: 'node-1',
    signer: identities.farm,
    crypto,
    store,
    register,
    live,
    decisions: { decide: async () => ({ screen: 'entire', notify: true }) },
    log: {
      info() {},
      warn() {},
      error: (facts, text) => errors.push(`${(facts as { code?: string }).code ?? ''} ${text}`),
    },
    limits: { retryMsMin: 20, retryMsMax: 100, ...options.limits },
  })
  const sockets = new WebSocketServer({ ...agentSocketOptions })
  const server = createServer()
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (ws) => ingest.handle(ws, '127.0.0.1'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    await ingest.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    if (options.home === undefined) await rm(home, { recursive: true, force: true })
  })
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/agent/v1`
  return { url, folders, ingest, store, live, register, identities, errors }
}
