import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type WebSocket, WebSocketServer } from 'ws'
import { dataBytesMax, dataHeaderBytes } from '../wire/limits.ts'

// bare-sink.ts DIR KEY CERT [ADDRESS] — the least a server can do to keep what 50 WebSockets bring: a file each, written, synced with
// fdatasync, then acknowledged. It checks nothing. What the node is measured against.

const windowBytes = 1024 * 1024
const [dir, key, cert, address = '127.0.0.1'] = process.argv.slice(2) as [string, string, string, string?]
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) })
const sockets = new WebSocketServer({
  server,
  perMessageDeflate: false,
  maxPayload: dataBytesMax + dataHeaderBytes,
})
let count = 0

sockets.on('connection', (socket) => {
  socket.send(JSON.stringify({ type: 'welcome', node: 'sink', heartbeatMs: 10_000 }))
  socket.once('message', () => void keep(socket, join(dir, `${count++}`)))
})

async function keep(socket: WebSocket, path: string): Promise<void> {
  const file = await open(path, 'w')
  let pending: Buffer[] = []
  let acked = 0
  let writing = false
  const write = async () => {
    writing = true
    while (pending.length > 0) {
      const pieces = pending
      pending = []
      await file.writev(pieces)
      await file.datasync()
      for (const { length } of pieces) acked += length
      socket.send(JSON.stringify({ type: 'acks', acks: [[1, acked, acked + windowBytes]] }))
    }
    writing = false
  }
  socket.on('message', (data: Buffer) => {
    pending.push(data.subarray(dataHeaderBytes))
    if (!writing) void write()
  })
  socket.once('close', () => void file.close())
  socket.send(JSON.stringify({ type: 'opened', channel: 1, offset: 0, limit: windowBytes, place: '' }))
}

server.listen(0, address)
await once(server, 'listening')
process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`)
process.once('SIGTERM', () => process.exit(0))
