import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname } from 'node:path'
import { type WebSocket, WebSocketServer } from 'ws'
import { StreamVerifier } from '../../format/stream-verifier.ts'
import { FrameTableBuilder } from '../../node/store/frame-table.ts'
import type { Recording } from '../../web/api/recording.ts'
import { crypto } from '../helpers/sample-stream.ts'

// A server for the pages alone: the HTTP API's answers over recordings held in memory, where a test must decide what the
// server says (errors, five thousand rows, hostile bytes). The real node is tested with the pages in test/e2e.

const dist = new URL('../../web/dist/', import.meta.url)
const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}
/** The node's own policy, so that a page that breaks it breaks here. */
const policy =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' data:; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"

export interface Held {
  recording: Recording
  bytes: Uint8Array
  /** Of a desktop. */
  screen?: Uint8Array
  followUps?: string[]
  /** What the server derived of it; by default nothing. */
  index?: { answer: object; blocks: Map<number, Uint8Array> }
  poster?: Uint8Array
}

export interface StandIn {
  url: string
  held: Map<string, Held>
  /** Requests answered by the test: path → status and body. */
  answers: Map<string, { status: number; body: unknown; afterMs?: number }>
  requests: string[]
  /** What viewers said over live feeds, which should be nothing. */
  said: string[]
  signedIn: boolean
  /** Bytes that a live recording grows by. */
  append(id: string, bytes: Uint8Array, stream?: 'cast' | 'rfb'): void
  finish(id: string): void
  /** Cuts the live feeds, as a network does; while `refusing`, new ones are cut at once. */
  cut(refusing: boolean): void
  close(): Promise<void>
}

/** `farmKey` is what recordings are verified with. */
export async function openStandIn(farmKey: Uint8Array): Promise<StandIn> {
  const check = (bytes: Uint8Array) => {
    const verifier = new StreamVerifier(farmKey, crypto)
    const builder = new FrameTableBuilder()
    for (const record of verifier.push(bytes)) builder.add(record)
    return { table: builder.table(bytes.length), report: verifier.finish(bytes.length) }
  }
  const viewers = new Map<WebSocket, { id: string; stream: 'cast' | 'rfb' }>()
  let refusing = false
  const sockets = new WebSocketServer({ noServer: true })
  const server = createServer((request, response) => handle(request, response))
  const standIn: StandIn = {
    url: '',
    held: new Map(),
    answers: new Map(),
    requests: [],
    said: [],
    signedIn: true,
    append(id, bytes, stream = 'cast') {
      const held = standIn.held.get(id)!
      const before = streamOf(held, stream)
      held[stream === 'cast' ? 'bytes' : 'screen'] = Buffer.concat([before, bytes])
      for (const [socket, watched] of viewers)
        if (watched.id === id && watched.stream === stream) socket.send(liveMessage(before.length, bytes))
    },
    finish(id) {
      const held = standIn.held.get(id)!
      held.recording.state = 'complete'
      for (const [socket, watched] of viewers)
        if (watched.id === id)
          socket.send(
            JSON.stringify({ type: 'state', state: 'complete', size: streamOf(held, watched.stream).length }),
          )
    },
    cut(refuse) {
      refusing = refuse
      for (const socket of viewers.keys()) socket.terminate()
    },
    async close() {
      for (const socket of viewers.keys()) socket.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  server.on('upgrade', (request, socket, head) => {
    if (refusing) return socket.destroy()
    sockets.handleUpgrade(request, socket, head, (viewer) => {
      const url = new URL(request.url!, 'http://localhost')
      const id = url.pathname.split('/')[3]!
      const held = standIn.held.get(id)!
      const from = Number(url.searchParams.get('from'))
      const stream = url.searchParams.get('stream') === 'rfb' ? 'rfb' : 'cast'
      const bytes = streamOf(held, stream)
      viewers.set(viewer, { id, stream })
      viewer.on('close', () => viewers.delete(viewer))
      viewer.on('message', (data) => standIn.said.push(String(data)))
      viewer.send(JSON.stringify({ type: 'state', state: held.recording.state, size: bytes.length }))
      viewer.send(liveMessage(from, bytes.subarray(from)))
    })
  })

  function handle(request: IncomingMessage, response: ServerResponse): unknown {
    const url = new URL(request.url!, 'http://localhost')
    standIn.requests.push(`${request.method} ${url.pathname}${url.search}`)
    const json = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    const set = standIn.answers.get(`${request.method} ${url.pathname}`)
    if (set) {
      setTimeout(() => json(set.status, set.body), set.afterMs ?? 0)
      return
    }
    if (!url.pathname.startsWith('/api/')) return page(url.pathname, response)
    const session = { user: 'ada', roles: ['PolicyAdministrator', 'Player'], csrf: 'token' }
    const [, , kind, id, part, stream] = url.pathname.split('/')
    if (kind === 'session') {
      if (request.method === 'POST') standIn.signedIn = true
      if (request.method === 'DELETE') standIn.signedIn = false
      return standIn.signedIn
        ? json(200, session)
        : json(401, { error: { code: 'not-signed-in', text: 'Nobody is signed in.' } })
    }
    const all = [...standIn.held.values()].map(({ recording }) => recording)
    if (kind === 'status')
      return json(200, { recordings: { live: all.filter((row) => row.state === 'live').length } })
    if (kind === 'recordings' && !id) return json(200, listOf(all, url.searchParams))
    const held = standIn.held.get(id ?? '')
    if (!held) return json(404, { error: { code: 'recording-unknown', text: 'There is no such recording.' } })
    if (!part) return json(200, { ...held.recording, followUps: held.followUps ?? [] })
    if (part === 'frames') {
      const bytes = streamOf(held, url.searchParams.get('stream') ?? 'cast')
      return json(200, check(bytes).table)
    }
    if (part === 'verify')
      return json(200, {
        ...check(held.bytes).report,
        ...(held.screen && { screen: check(held.screen).report }),
      })
    if (part === 'live') return json(426, { error: { code: 'websocket', text: 'This is a WebSocket.' } })
    if (part === 'index') return index(held, stream, json, response)
    if (part === 'poster' && held.poster)
      return response.writeHead(200, { 'content-type': 'image/webp' }).end(held.poster)
    if (part === 'poster') return response.writeHead(204).end()
    if (part === 'links') return json(201, { url: '/s/token', expires: Date.now() + 172_800_000 })
    return range(streamOf(held, stream!), request, response)
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  standIn.url = `http://localhost:${(server.address() as AddressInfo).port}`
  return standIn
}

function streamOf({ bytes, screen }: Held, stream: string): Uint8Array {
  return stream === 'rfb' ? (screen ?? new Uint8Array(0)) : bytes
}

function page(path: string, response: ServerResponse): void {
  const file = extname(path) ? path.slice(1) : 'index.html'
  const type = types[extname(file)] ?? 'application/octet-stream'
  response
    .writeHead(200, { 'content-type': type, 'content-security-policy': policy })
    .end(readFileSync(new URL(file, dist)))
}

function listOf(all: Recording[], query: URLSearchParams): { recordings: Recording[]; next?: string } {
  const text = query.get('q') ?? ''
  const rows = all
    .filter((row) => !query.get('state') || row.state === query.get('state'))
    .filter((row) => !query.get('user') || row.user === query.get('user'))
    .filter((row) => `${row.user} ${row.host} ${row.command}`.includes(text))
    .sort((a, b) => (query.get('sort') === 'start' ? 1 : -1) * a.start.localeCompare(b.start))
  const from = Number(query.get('after') ?? 0)
  const to = from + Number(query.get('limit'))
  return { recordings: rows.slice(from, to), ...(to < rows.length && { next: String(to) }) }
}

function index(
  { index }: Held,
  at: string | undefined,
  json: (status: number, body: unknown) => void,
  response: ServerResponse,
): void {
  const none = { state: 'absent', coveredBytes: 0, activity: [], pictures: [], images: [] }
  const block = at === undefined ? undefined : index?.blocks.get(Number(at))
  if (block) response.writeHead(200, { 'content-type': 'application/zstd' }).end(block)
  else if (at === undefined) json(200, index?.answer ?? none)
  else json(404, { error: { code: 'index-block', text: 'The index has nothing there.' } })
}

function range(bytes: Uint8Array, request: IncomingMessage, response: ServerResponse): void {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')!
  response
    .writeHead(206, { 'content-type': 'application/zstd' })
    .end(bytes.subarray(Number(from), Number(to) + 1))
}

function liveMessage(offset: number, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(8)
  header.writeBigUInt64BE(BigInt(offset))
  return Buffer.concat([header, bytes])
}
