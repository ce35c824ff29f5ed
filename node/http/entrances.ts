import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { buildAgentCheck, openRateMeter, weightPercent } from './agent-check.ts'
import type { IsBalancer } from './balancer-list.ts'
import type { App, HttpContext } from './context.ts'
import { HttpError } from './http-error.ts'
import { buildProxyListener } from './proxy-listener.ts'

// The ports of a node beside its own: what a farm's balancers and agents connect to. All lead to the same HTTP server.

/** What an agent needs before its WebSocket. */
const agentPaths = new Set(['/api/farm', '/api/agents/enroll', '/api/agents/renew', '/agent/v1'])

export interface Entrances {
  /** The ports that are open; absent ones were not asked for. */
  ports: { proxy?: number; plain?: number; agents?: number; agentCheck?: number }
  listen(): Promise<void>
  /** Throws HttpError for what came in by the agents' port and is none of theirs. */
  ensureAllowed(socket: Socket, path: string): void
  /** Takes no new connections: a balancer then tries another node at once. */
  stop(): void
  /** Cuts what is left, at the node's own port too. */
  close(): void
}

export function addEntrances(app: App, context: HttpContext, isBalancer: IsBalancer): Entrances {
  const { config, log } = context
  const secure = app.server
  const ofAgents = new WeakSet<Socket>()
  const sockets = new Set<Socket>()
  const servers: Server[] = []
  const ports: Entrances['ports'] = {}

  secure.prependListener('secureConnection', (socket: Socket) => {
    if (ports.agents !== undefined && socket.localPort === ports.agents) ofAgents.add(socket)
  })
  app.addHook('onRequest', async (request) => ensureAllowed(request.raw.socket, request.url))

  const ensureAllowed = (socket: Socket, path: string) => {
    if (ofAgents.has(socket) && !agentPaths.has(path.split('?')[0]!))
      throw new HttpError(403, 'agents-only', 'This port is for agents.', "Use the farm's port for people.")
  }

  const track = (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }
  secure.on('connection', track)
  const open = async (server: Server, port: number): Promise<number> => {
    server.on('connection', track)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: config.host, port }, resolve)
    })
    servers.push(server)
    return (server.address() as AddressInfo).port
  }

  return {
    ports,
    ensureAllowed,
    async listen() {
      const { proxyPort, plainPort, agentPort, agentCheckPort } = config
      if (agentPort !== undefined)
        ports.agents = await open(
          createServer({ noDelay: true }, (socket) => secure.emit('connection', socket)),
          agentPort,
        )
      if (proxyPort !== undefined) {
        const arrived = (socket: Socket, { toPort }: { toPort: number }) => {
          if (toPort === ports.agents) ofAgents.add(socket)
        }
        ports.proxy = await open(buildProxyListener({ secure, isBalancer, arrived, log }), proxyPort)
      }
      if (plainPort !== undefined) ports.plain = await open(plainServer(app, isBalancer), plainPort)
      if (agentCheckPort !== undefined) {
        const rate = openRateMeter(context.acceptedBytes)
        const check = buildAgentCheck(() => weightPercent(rate()), isBalancer)
        ports.agentCheck = await open(check, agentCheckPort)
      }
    },
    stop() {
      for (const server of servers) server.close()
    },
    close() {
      this.stop()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** HTTP without TLS, for balancers that ended it. */
function plainServer(app: App, isBalancer: IsBalancer): Server {
  const { headersTimeout, requestTimeout } = app.server
  const server = createHttpServer({ headersTimeout, requestTimeout, noDelay: true }, (request, response) =>
    app.routing(request, response),
  )
  server.prependListener('connection', (socket: Socket) => {
    if (!isBalancer(socket.remoteAddress)) socket.destroy()
  })
  server.on('upgrade', (request, socket, head) => app.server.emit('upgrade', request, socket, head))
  return server
}
