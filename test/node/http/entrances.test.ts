import { request } from 'node:http'
import { connect as connectTcp, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { pino } from 'pino'
import { WebSocket } from 'ws'
import { subprotocol } from '../../../wire/limits.ts'
import { encodeProxyHeader } from '../../helpers/proxy-header.ts'
import { startTestNode, until } from '../../helpers/test-node.ts'

type Line = { code?: string; address?: string; remoteAddress?: string }

/** A node that takes 127.0.0.1 and ::1 for balancers, and what it logs. */
async function startFarmNode(t: ExecutionContext, balancers = ['127.0.0.1', '::1'], host = '0.0.0.0') {
  const lines: Line[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const ports = { proxyPort: 0, plainPort: 0, agentPort: 0, agentCheckPort: 0 }
  const node = await startTestNode(t, { log, config: { host, balancers, ...ports } })
  return { ...node, lines, ports: node.node.ports }
}
type FarmNode = Awaited<ReturnType<typeof startFarmNode>>

/** One request over TLS, after whatever goes before it. */
async function ask(
  node: FarmNode,
  port: number,
  path: string,
  options: { before?: Buffer[]; from?: string; headers?: string; body?: string; method?: string } = {},
): Promise<string> {
  const { before = [], from, headers = '', body = '', method = 'GET' } = options
  const raw = connectTcp({ host: '127.0.0.1', port, ...(from && { localAddress: from }) })
  for (const piece of before) {
    raw.write(piece)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const socket = connectTls({ socket: raw, ca: node.ca, servername: 'localhost' })
  raw.on('error', (error) => socket.destroy(error))
  socket.write(
    `${method} ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${headers}` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  return await text(socket)
}

const refusedSignIn = { method: 'POST', body: '{"user":"eve","password":"guessing"}' }
const addressOf = ({ lines }: FarmNode) => lines.findLast(({ code }) => code === 'sign-in-refused')?.address

test('behind a PROXY header the client is who it says, byte by byte too, over IPv4 and IPv6', async (t) => {
  const node = await startFarmNode(t)
  const { proxy } = node.ports
  const four = encodeProxyHeader({ from: '192.0.2.7' })
  t.regex(
    await ask(node, proxy!, '/api/session', { before: [four], ...refusedSignIn }),
    /^HTTP\/1.1 401 [\s\S]*"sign-in"/,
  )
  t.is(addressOf(node), '192.0.2.7')
  const bytes = [...encodeProxyHeader({ from: '2001:db8:0:0:0:0:0:9' })].map((byte) => Buffer.from([byte]))
  await ask(node, proxy!, '/api/session', { before: bytes, ...refusedSignIn })
  t.is(addressOf(node), '2001:db8::9')
  await ask(node, node.node.port, '/api/session', refusedSignIn)
  t.is(addressOf(node), '127.0.0.1')
})

test('an address that a client writes itself is not believed', async (t) => {
  const node = await startFarmNode(t)
  const headers = 'x-forwarded-for: 203.0.113.5\r\n'
  const before = [encodeProxyHeader({ from: '192.0.2.7' })]
  await ask(node, node.ports.proxy!, '/api/session', { before, headers, ...refusedSignIn })
  t.is(addressOf(node), '192.0.2.7')
  await ask(node, node.node.port, '/api/session', { headers, from: '127.0.0.9', ...refusedSignIn })
  t.is(addressOf(node), '127.0.0.9')
  // From a balancer that ended TLS the last one is its own; what the client wrote stands before.
  const both = 'x-forwarded-for: 203.0.113.5, 192.0.2.8\r\n'
  await ask(node, node.node.port, '/api/session', { headers: both, ...refusedSignIn })
  t.is(addressOf(node), '192.0.2.8')
})

test('a health check is answered, and counts as the balancer', async (t) => {
  const node = await startFarmNode(t)
  const before = [encodeProxyHeader({ local: true })]
  t.regex(await ask(node, node.ports.proxy!, '/readyz', { before }), /^HTTP\/1.1 200 [\s\S]*ready/)
})

test('only listed balancers may use their ports', async (t) => {
  const node = await startFarmNode(t, ['127.0.0.2'], '::')
  const cut = (port: number, from: string, first: string | Buffer) =>
    new Promise<boolean>((resolve) => {
      const socket: Socket = connectTcp({ host: '127.0.0.1', port, localAddress: from })
      let came = false
      socket.on('data', () => {
        came = true
        socket.destroy()
      })
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(!came))
      socket.write(first)
    })
  const plain = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n'
  for (const [port, first] of [
    [node.ports.plain!, plain],
    [node.ports.agentCheck!, '\n'],
  ] as const) {
    t.true(await cut(port, '127.0.0.3', first))
    t.false(await cut(port, '127.0.0.2', first))
  }
  t.true(await cut(node.ports.proxy!, '127.0.0.3', encodeProxyHeader({ local: true })))
  t.true(node.lines.some(({ code, address }) => code === 'not-a-balancer' && address!.endsWith('127.0.0.3')))
})

test('a balancer that sends no PROXY header is cut, and the log says why', async (t) => {
  const node = await startFarmNode(t)
  t.is(await ask(node, node.ports.proxy!, '/healthz').catch(() => ''), '')
  t.true(node.lines.some(({ code }) => code === 'proxy-header'))
})

test('the port for agents serves agents alone, whether they come by a balancer or not', async (t) => {
  const node = await startFarmNode(t)
  const { proxy, agents } = node.ports
  const before = [encodeProxyHeader({ from: '192.0.2.7', toPort: agents! })]
  for (const path of ['/', '/api/session', '/readyz', '/api/recordings']) {
    t.regex(await ask(node, agents!, path), /^HTTP\/1.1 403 [\s\S]*"agents-only"/, path)
    t.regex(await ask(node, proxy!, path, { before }), /^HTTP\/1.1 403 [\s\S]*"agents-only"/, path)
  }
  for (const path of ['/api/agents/enroll', '/api/agents/renew'])
    t.regex(await ask(node, agents!, path, { method: 'POST', body: '{}' }), /^HTTP\/1.1 400/)
  t.regex(await ask(node, proxy!, `/api/farm?nonce=${'x'.repeat(43)}`, { before }), /^HTTP\/1.1 200/)
  const refused = new WebSocket(`wss://localhost:${agents}/api/recordings/r/live`, { ca: node.ca })
  const [answer] = await new Promise<[{ statusCode: number }]>((resolve) => {
    refused.on('unexpected-response', (_, response) => resolve([response as never]))
    refused.on('error', () => undefined)
  })
  t.is(answer.statusCode, 403)
  const agent = new WebSocket(`wss://localhost:${agents}/agent/v1`, subprotocol, { ca: node.ca })
  const challenge = await new Promise((resolve) => agent.once('message', (data) => resolve(String(data))))
  t.regex(String(challenge), /"challenge"/)
  agent.terminate()
})

test('of the wire versions that an agent offers, the one that both speak is taken; none is refused', async (t) => {
  const node = await startFarmNode(t)
  const { agents } = node.ports
  const connect = (offered: string[]) =>
    new WebSocket(`wss://localhost:${agents}/agent/v1`, offered, { ca: node.ca })
  const newer = connect(['tapedeck.agent.9', subprotocol])
  await new Promise((resolve) => newer.once('message', resolve))
  t.is(newer.protocol, subprotocol)
  newer.terminate()
  for (const offered of [['tapedeck.agent.9'], []]) {
    const refused = connect(offered)
    const [status, text] = await new Promise<[number, string]>((resolve) => {
      refused.on('unexpected-response', (_, answer) => {
        let said = ''
        answer.on('data', (chunk) => {
          said += chunk
        })
        answer.on('end', () => resolve([answer.statusCode!, said]))
      })
      refused.on('error', () => undefined)
    })
    t.is(status, 426)
    t.regex(text, /"code":"wire-version".*same major version/)
  }
})

test('a balancer that ended TLS may speak HTTP, and WebSockets too', async (t) => {
  const node = await startFarmNode(t)
  const { plain } = node.ports
  const headers = { 'x-forwarded-for': '192.0.2.9', 'content-type': 'application/json' }
  const status = await new Promise((resolve, reject) => {
    const call = request(
      { port: plain, path: '/api/session', method: 'POST', headers },
      (answer) => void resolve(answer.resume().statusCode),
    )
    call.on('error', reject)
    call.end(refusedSignIn.body)
  })
  t.is(status, 401)
  t.is(addressOf(node), '192.0.2.9')
  const agent = new WebSocket(`ws://127.0.0.1:${plain}/agent/v1`, subprotocol, { headers })
  const challenge = await new Promise((resolve) => agent.once('message', (data) => resolve(String(data))))
  t.regex(String(challenge), /"challenge"/)
  agent.terminate()
})

test('a node that closes lets its ports go, connections of balancers too', async (t) => {
  const node = await startFarmNode(t)
  const open = Object.values(node.ports).map((port) => connectTcp({ host: '127.0.0.1', port }))
  const closed = open.map((socket) => {
    socket.on('error', () => undefined).resume()
    return new Promise((resolve) => socket.on('close', resolve))
  })
  await until(() => open.every((socket) => !socket.connecting))
  await node.node.close()
  await Promise.all(closed)
  for (const port of Object.values(node.ports)) {
    const again = connectTcp({ host: '127.0.0.1', port })
    t.is(
      await new Promise((resolve) => again.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code))),
      'ECONNREFUSED',
    )
  }
})
