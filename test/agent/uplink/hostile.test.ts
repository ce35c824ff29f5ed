import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { type WebSocket, WebSocketServer } from 'ws'
import { Backoff } from '../../../agent/uplink/backoff.ts'
import { farmIdOf, generateKeyPem, signerFromPem } from '../../../codec/ed25519.ts'
import { equalBytes } from '../../../format/bytes.ts'
import { type Receipt, signToken } from '../../../format/token.ts'
import { subprotocol } from '../../../wire/limits.ts'
import { type NodeMessage, parseAgentMessage } from '../../../wire/messages.ts'
import { eventually } from '../../helpers/eventually.ts'
import { openLine } from '../../helpers/line.ts'
import { makeIdentities, sampleId } from '../../helpers/sample-stream.ts'
import { temporaryFolder } from '../../helpers/test-node.ts'
import { startTestNode } from '../../node/ingest/test-node.ts'
import { queueFrames, streamBytes } from '../agent-parts.ts'
import { openUplink, portOf, sentAll, stored } from './uplink-parts.ts'

const identities = makeIdentities()
const farm = farmIdOf(identities.farm.publicKey)
const strangers = signerFromPem(generateKeyPem())

/** A node that does what `behave` says with each socket. */
async function startLiar(
  t: ExecutionContext,
  behave: (socket: WebSocket, send: (message: NodeMessage) => void) => void,
) {
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => subprotocol })
  const server = createServer()
  let connections = 0
  server.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (ws) => {
      connections += 1
      ws.on('error', () => undefined)
      behave(ws, (message) => ws.send(JSON.stringify(message)))
    }),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    for (const ws of sockets.clients) ws.terminate()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  return { port: (server.address() as AddressInfo).port, connections: () => connections }
}

const greet = (send: (message: NodeMessage) => void) => {
  send({ type: 'challenge', nonce: 'n', farm, time: 0 })
  send({ type: 'welcome', node: 'liar', heartbeatMs: 10_000 })
}
const impatient = () => ({ backoff: new Backoff(1, 10) })

const receiptOf = (change: Partial<Receipt>): Receipt => ({
  t: 'receipt',
  recording: sampleId(1),
  stream: 'cast',
  offset: 0,
  seal: 'x',
  time: 0,
  farm,
  ...change,
})
const number = fc.oneof(
  fc.nat(5),
  fc.nat(5000),
  fc.maxSafeNat(),
  fc.constantFrom(-1, 1.5, 2 ** 53, Number.NaN),
)
const token = fc.oneof(
  fc.string(),
  number.map((offset) => signToken(receiptOf({ offset }), strangers)),
  fc
    .record({ offset: fc.nat(9000), final: fc.boolean(), discarded: fc.boolean() })
    .map((claim) => signToken(receiptOf(claim), strangers)),
  // Signed by the farm, but for another recording or stream.
  fc
    .constantFrom({ recording: sampleId(9), discarded: true }, { stream: 'rfb', final: true })
    .map((claim) => signToken(receiptOf(claim), identities.farm)),
)
const message = fc
  .oneof(
    fc.record({ type: fc.constant('opened'), channel: number, offset: number, limit: number, place: token }),
    fc.record({
      type: fc.constant('acks'),
      acks: fc.array(fc.tuple(number, number, number), { maxLength: 3 }),
    }),
    fc.record({ type: fc.constant('receipt'), channel: fc.nat(3), receipt: token }),
    fc.record({ type: fc.constant('live'), channel: fc.nat(3), on: fc.boolean() }),
    fc.record({
      type: fc.constantFrom('challenge', 'welcome', 'drain', 'nonsense'),
      reason: fc.string(),
      nonce: fc.string(),
      farm: fc.string(),
      time: number,
    }),
    fc.record({
      type: fc.constant('error'),
      code: fc.constantFrom('place', 'channels', 'internal', 'x'),
      text: fc.string(),
      hint: fc.string(),
    }),
  )
  .map((value) => JSON.stringify(value))
const hostile = fc.oneof(
  { weight: 6, arbitrary: message },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(40_000), '', '[]', 'null', '{"type":"__proto__"}') },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 50 }) },
)

test('whatever a node says, the agent lives and the queue is as it was', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await queueFrames(root, identities, [700, 800, 900])
  const bytes = await streamBytes(spooled)
  const rounds = fc.sample(fc.array(hostile, { minLength: 1, maxLength: 12 }), 150)
  const liar = await startLiar(t, (socket, send) => {
    const round = rounds[liar.connections() - 1]
    if (!round) return socket.close()
    if (liar.connections() % 5 > 0) greet(send)
    socket.on('message', (data, isBinary) => {
      // What the agent says is as specified, whatever it was told.
      if (!isBinary) parseAgentMessage(data.toString())
    })
    for (const each of round) socket.send(each)
    setImmediate(() => socket.close())
  })
  const line = await openLine(t, liar.port)
  const { log } = openUplink(t, spool, line.url, identities, impatient())
  await eventually(() => assert.ok(liar.connections() > rounds.length), { timeoutMs: 60_000 })
  t.true(equalBytes(await streamBytes(spooled), bytes))
  t.is(spooled.receiptOffset, 0)
  t.false(log.codes().includes('fork'))
  const node = await startTestNode(t, { identities })
  line.target = portOf(node)
  line.cut()
  await sentAll(spool)
  t.true(equalBytes(await stored(node, spooled.recording), bytes))
})

test('a receipt that does not name what was sent deletes nothing and is a fork', async (t) => {
  const root = await temporaryFolder(t)
  const { spool, spooled } = await queueFrames(root, identities, [700, 800])
  const forked: string[] = []
  const liar = await startLiar(t, (_socket, send) => {
    greet(send)
    const claim = receiptOf({
      recording: spooled.recording,
      offset: spooled.state.offset,
      seal: 'A'.repeat(43),
    })
    send({ type: 'receipt', channel: 1, receipt: signToken(claim, identities.farm) })
  })
  openUplink(t, spool, `http://127.0.0.1:${liar.port}`, identities, {
    onFork: async (recording) => void forked.push(recording),
  })
  await eventually(() => assert.deepEqual(forked.slice(0, 1), [spooled.recording]))
  t.is(spooled.receiptOffset, 0)
  t.is(spooled.files.length, 3)
})

test('a node that welcomes and hangs up is not asked again and again without a wait', async (t) => {
  const { spool } = await queueFrames(await temporaryFolder(t), identities, [700])
  const liar = await startLiar(t, (socket, send) => {
    greet(send)
    socket.close(1011, 'no')
  })
  const waits: number[] = []
  const backoff = new Backoff(1, 1000)
  const next = backoff.next.bind(backoff)
  backoff.next = () => {
    waits.push(next(1))
    return 0
  }
  const { log, uplink } = openUplink(t, spool, `http://127.0.0.1:${liar.port}`, identities, { backoff })
  await eventually(() => assert.ok(waits.length >= 12))
  t.deepEqual(waits.slice(0, 5), [1, 2, 4, 8, 16])
  t.is(waits[11], 1000)
  // The same reason is told once.
  t.is(log.said.filter(({ code }) => code === 'uplink').length, 1)
  t.is(uplink.status.lastError ?? 'no', 'no')
})

test('credit is kept to, and a node that goes back is followed', async (t) => {
  const { spool, spooled } = await queueFrames(await temporaryFolder(t), identities, [3000, 3000])
  const bytes = await streamBytes(spooled)
  const got: { offset: number; bytes: Buffer }[] = []
  let finished = 0
  let wire: ((message: NodeMessage) => void) | undefined
  const liar = await startLiar(t, (socket, send) => {
    wire = send
    greet(send)
    socket.on('message', (data, isBinary) => {
      const buffer = data as Buffer
      if (isBinary) got.push({ offset: Number(buffer.readBigUInt64BE(4)), bytes: buffer.subarray(12) })
      else if (parseAgentMessage(data.toString()).type === 'finish') finished += 1
    })
  })
  openUplink(t, spool, `http://127.0.0.1:${liar.port}`, identities)
  await eventually(() => assert.ok(wire))
  const end = () => Math.max(0, ...got.map(({ offset, bytes: piece }) => offset + piece.length))
  wire!({ type: 'opened', channel: 1, offset: 0, limit: 100, place: 'p' })
  await eventually(() => assert.equal(end(), 100))
  wire!({ type: 'acks', acks: [[1, 100, 250]] })
  await eventually(() => assert.equal(end(), 250))
  wire!({ type: 'opened', channel: 1, offset: 40, limit: 90, place: 'p' })
  // An ack in the same breath counts from there.
  wire!({ type: 'acks', acks: [[1, 40, 120]] })
  await eventually(() => assert.equal(got.at(-1)!.offset + got.at(-1)!.bytes.length, 120))
  wire!({ type: 'acks', acks: [[1, 120, 1_000_000]] })
  await eventually(() => assert.equal(finished, 1))
  t.is(end(), bytes.length)
  for (const { offset, bytes: piece } of got)
    t.true(equalBytes(piece, bytes.subarray(offset, offset + piece.length)))
  t.true(got.every(({ bytes: piece }) => piece.length <= 256 * 1024))
})
