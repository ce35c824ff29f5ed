import { rm } from 'node:fs/promises'
import { createConnection, createServer, type Server } from 'node:net'

// The agent's Unix socket: its status for who asks, and its lock, since only one process can listen on it.

/** Throws `agent-running` when another agent listens. */
export async function openStatusSocket(
  path: string,
  status: () => unknown,
): Promise<{ close(): Promise<void> }> {
  if (await answers(path))
    throw Object.assign(new Error(`An agent is running already: it listens on ${path}.`), {
      code: 'agent-running',
    })
  // Left by an agent that was killed.
  await rm(path, { force: true })
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(`${JSON.stringify(status())}\n`))
    socket.setTimeout(5000, () => socket.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  return { close: () => closed(server) }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
