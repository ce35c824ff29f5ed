import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

// The agent's Unix socket: its status for who asks, and its lock. Of two agents that start at once and find the socket
// of a dead one, a name in the kernel's table lets one begin; the socket itself shows that an agent runs.

/** Who connects and asks nothing is cut off. */
const askMsMax = 5000
/** Whoever has the name listens on the socket by then; else it is not an agent that has it. */
const startMsMax = 2000

export interface StatusSocket {
  close(): Promise<void>
}

/** Throws `agent-running` when another agent has this path. */
export async function openStatusSocket(path: string, status: () => unknown): Promise<StatusSocket> {
  const lock = createServer((socket) => socket.destroy())
  const locked = await listen(lock, `\0tapedeck-${createHash('sha256').update(path).digest('hex')}`).then(
    () => true,
    () => false,
  )
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(`${JSON.stringify(status())}\n`))
    socket.setTimeout(askMsMax, () => socket.destroy())
  })
  try {
    if (await answers(path, locked ? 0 : startMsMax))
      throw Object.assign(new Error(`An agent is running already: it listens on ${path}.`), {
        code: 'agent-running',
      })
    // Left by an agent that was killed.
    await rm(path, { force: true })
    await listen(server, path)
  } catch (error) {
    await closed(lock)
    throw error
  }
  return {
    async close() {
      for (const socket of sockets) socket.destroy()
      await closed(server)
      await closed(lock)
    },
  }
}

async function answers(path: string, withinMs: number): Promise<boolean> {
  for (const untilMs = Date.now() + withinMs; ; ) {
    if (await connects(path)) return true
    if (Date.now() >= untilMs) return false
    await sleep(20)
  }
}

function connects(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
