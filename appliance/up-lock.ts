import { rm } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { CommandError } from './command-error.ts'

/**
 * Keeps a second `up` from one home: only one process can listen on its socket, and the kernel lets go of it however that
 * process ends. Resolves with how to let go. Throws `running` when another one has it.
 */
export async function lockHome(socketPath: string, home: string): Promise<() => void> {
  if (await answers(socketPath))
    throw new CommandError(
      'running',
      `Tapedeck is running already on ${home}.`,
      'Stop it first, or use another --home.',
    )
  // Left by one that was killed.
  await rm(socketPath, { force: true })
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, resolve)
  })
  return () => server.close()
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
