import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'

import type { StreamName } from '../../format/records.ts'
import { subprotocol } from '../../wire/limits.ts'

import { findRecording } from '../catalog/recordings.ts'
import type { RecordingRow } from '../catalog/schema.ts'
import { agentSocketOptions } from '../ingest/agent-socket-options.ts'
import { cookieName, identify, isSameOrigin } from './access.ts'
import { clientAddress, type IsBalancer } from './balancer-list.ts'
import type { App, HttpContext } from './context.ts'
import type { Entrances } from './entrances.ts'
import { bodyOf } from './errors.ts'
import { foundRecording, readableBytes } from './found-recording.ts'
import { HttpError, liveOff } from './http-error.ts'
import { closeCodes, type LiveViewer, openLiveViewer } from './live-viewer.ts'

// The two WebSockets of a node: agents bring recordings, viewers watch them.

/** Viewers say nothing; a few bytes are for the protocol's own. */
const viewerMessageBytesMax = 1024
/** A viewer that vanished without a word is noticed by this. */
const pingMs = 30_000

/** What the store shows; what it does not show yet, from the process that holds it: shares have caches. */
async function* readHere(
  { store, live }: HttpContext,
  row: RecordingRow,
  stream: StreamName,
  from: number,
  to: number,
) {
  let at = from
  for await (const bytes of store.readRange(row, stream, at, to)) {
    at += bytes.length
    yield bytes
  }
  while (at < to) {
    const bytes = await live.bytesElsewhere(row.id, stream, at, to)
    if (!bytes?.length) return
    at += bytes.length
    yield bytes
  }
}

async function stateNow(context: HttpContext, row: RecordingRow, stream: StreamName) {
  const elsewhere = await context.live.elsewhere(row.id, stream)
  if (elsewhere) return elsewhere
  const now = (await findRecording(context.db, row.id)) ?? row
  return { state: now.state, sizeBytes: await readableBytes(context, now, stream) }
}

/** An agent offers every version it speaks; one of them must be ours. */
function ensureWireVersion({ headers }: IncomingMessage): void {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
  if (offered.includes(subprotocol)) return
  throw new HttpError(
    426,
    'wire-version',
    `Expected an agent that speaks ${subprotocol}, got ${offered.join(', ').slice(0, 80) || 'none'}.`,
    'Bring agent and node to the same major version: nodes first.',
  )
}

export interface Upgrades {
  /** Ends viewers; agents are ended by ingest. */
  close(): void
  /** Who watch live. */
  readonly viewers: number
}

export function addUpgrades(
  app: App,
  context: HttpContext,
  entrances: Entrances,
  isBalancer: IsBalancer,
): Upgrades {
  const agents = new WebSocketServer(agentSocketOptions)
  const viewers = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: viewerMessageBytesMax,
  })
  const open = new Map<WebSocket, LiveViewer>()
  let closing = false

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    route(request, socket, head).catch((error) => {
      const refused =
        error instanceof HttpError ? error : new HttpError(500, 'internal', 'Something went wrong here.')
      if (refused.status >= 500) context.log.error({ code: refused.code, err: error }, 'An upgrade failed.')
      refuse(socket, refused)
    })
  }
  app.server.on('upgrade', onUpgrade)

  const route = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (closing) throw new HttpError(503, 'closing', 'This node is closing.')
    const url = URL.parse(request.url ?? '', 'https://localhost')
    entrances.ensureAllowed(request.socket, url?.pathname ?? '')
    if (url?.pathname === '/agent/v1') {
      ensureWireVersion(request)
      return agents.handleUpgrade(request, socket, head, (ws) =>
        context.ingest.handle(ws, clientAddress(request, isBalancer)),
      )
    }
    const id = /^\/api\/recordings\/([^/]{1,64})\/live$/.exec(url?.pathname ?? '')?.[1]
    if (!url || id === undefined) throw new HttpError(404, 'not-found', 'There is no WebSocket here.')
    await watch(request, socket, head, id, url.searchParams)
  }

  const watch = async (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    id: string,
    query: URLSearchParams,
  ) => {
    const { origin, host, authorization, cookie } = request.headers
    if (!isSameOrigin(origin, host)) throw new HttpError(403, 'origin', 'Another site may not watch.')
    const shown = { authorization, cookie: app.parseCookie(cookie ?? '')[cookieName] }
    const identity = await identify(context.db, shown)
    if (!identity) throw new HttpError(401, 'not-signed-in', 'You are not signed in.', 'Sign in.')
    const row = await foundRecording(context, id, identity.user)
    if (!context.config.live) throw liveOff()
    const stream = query.get('stream') ?? 'cast'
    if (stream !== 'cast' && stream !== 'rfb')
      throw new HttpError(404, 'not-found', 'There is no such stream.')
    const from = Number(query.get('from') ?? 0)
    const size = await readableBytes(context, row, stream)
    if (!Number.isSafeInteger(from) || from < 0 || from > size)
      throw new HttpError(416, 'range', `Expected from=0 to ${size}.`, 'Begin at a frame.')
    if (socket.destroyed) return
    viewers.handleUpgrade(request, socket, head, (ws) => {
      const viewer = openLiveViewer(
        ws,
        {
          hub: context.live,
          recording: row.id,
          stream,
          read: (at, to) => readHere(context, row, stream, at, to),
          rest: () => stateNow(context, row, stream),
        },
        from,
        {
          failed: (err) =>
            context.log.warn({ code: 'live-failed', recording: row.id, err }, 'A viewer was lost.'),
        },
      )
      open.set(ws, viewer)
      keepAlive(ws, () => open.delete(ws))
    })
  }

  return {
    get viewers() {
      return open.size
    },
    close() {
      closing = true
      for (const viewer of open.values()) viewer.close(closeCodes.goingAway, 'This node is closing.')
      for (const ws of open.keys()) setTimeout(() => ws.terminate(), 1000).unref()
    },
  }
}

function keepAlive(ws: WebSocket, gone: () => void): void {
  let answered = true
  ws.on('pong', () => {
    answered = true
  })
  const timer = setInterval(() => {
    if (!answered) return ws.terminate()
    answered = false
    ws.ping()
  }, pingMs)
  ws.on('close', () => {
    clearInterval(timer)
    gone()
  })
}

function refuse(socket: Duplex, error: HttpError): void {
  const body = JSON.stringify(bodyOf(error))
  socket.end(
    `HTTP/1.1 ${error.status} Refused\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
