import { connect, createServer, type Socket } from 'node:net'
import type { ExecutionContext } from 'ava'

/** A network between an agent and a node, on loopback. */
export interface Line {
  /** Where the agent connects, `http://127.0.0.1:PORT`. */
  readonly url: string
  /** Connections that were made so far. */
  readonly connections: number
  /** Where new connections go; undefined: nobody answers. */
  target: number | undefined
  /** Bytes that pass before the connection is cut, for each connection; undefined: all. */
  cutAfterBytes: (() => number) | undefined
  /** Nothing passes any more, and nobody is told. */
  stalled: boolean
  /** Bytes at a time. */
  pieceBytes: number
  cut(): void
}

export async function openLine(t: ExecutionContext, target?: number): Promise<Line> {
  const sockets = new Set<Socket>()
  let connections = 0
  const line: Line = {
    url: '',
    get connections() {
      return connections
    },
    target,
    cutAfterBytes: undefined,
    stalled: false,
    pieceBytes: Number.POSITIVE_INFINITY,
    cut() {
      for (const socket of sockets) socket.destroy()
    },
  }
  const server = createServer((near) => {
    connections += 1
    sockets.add(near)
    near.on('error', () => undefined)
    near.on('close', () => sockets.delete(near))
    if (line.target === undefined) return near.destroy()
    const far = connect(line.target, '127.0.0.1')
    let left = line.cutAfterBytes?.() ?? Number.POSITIVE_INFINITY
    const pass = (from: Socket, to: Socket) => {
      from.on('error', () => undefined)
      from.on('close', () => to.destroy())
      from.on('data', (bytes: Buffer) => {
        if (line.stalled) return
        const passes = bytes.subarray(0, left)
        left -= passes.length
        for (let at = 0; at < passes.length; at += line.pieceBytes)
          to.write(passes.subarray(at, at + line.pieceBytes))
        if (left <= 0) {
          near.destroy()
          far.destroy()
        }
      })
    }
    pass(near, far)
    pass(far, near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    line.cut()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  const { port } = server.address() as { port: number }
  return Object.defineProperty(line, 'url', { value: `http://127.0.0.1:${port}` })
}
