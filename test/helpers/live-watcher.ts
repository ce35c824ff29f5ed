import { WebSocket } from 'ws'
import type { ReachedNode } from './test-node.ts'

export interface Watcher {
  socket: WebSocket
  bytes: Buffer
  states: { state: string; size: number }[]
  closed: number | undefined
  /** The first message that did not begin where the one before ended. */
  wrong: string | undefined
}

/** Watches as a browser does: by a live socket. */
export function watchLive(
  node: ReachedNode,
  recording: string,
  from = 0,
  headers: Record<string, string> = {},
): Watcher {
  const url = `wss://localhost:${node.node.port}/api/recordings/${recording}/live?stream=cast&from=${from}`
  const socket = new WebSocket(url, {
    ca: node.ca,
    headers: { authorization: `Bearer ${node.token}`, ...headers },
  })
  const watcher: Watcher = { socket, bytes: Buffer.alloc(0), states: [], closed: undefined, wrong: undefined }
  socket.on('message', (data: Buffer, isBinary) => {
    if (!isBinary) return watcher.states.push(JSON.parse(data.toString()))
    const offset = Number(data.readBigUInt64BE())
    if (offset !== from + watcher.bytes.length)
      watcher.wrong ??= `${offset} after ${from + watcher.bytes.length}`
    watcher.bytes = Buffer.concat([watcher.bytes, data.subarray(8)])
    return undefined
  })
  socket.on('close', (code) => {
    watcher.closed = code
  })
  socket.on('error', () => {})
  return watcher
}
