import { createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { IsBalancer } from './balancer-list.ts'
import type { HttpContext } from './context.ts'
import {
  type ProxiedConnection,
  ProxyHeaderError,
  parseProxyHeader,
  proxyHeaderBytes,
  proxyStartBytes,
} from './proxy-protocol.ts'

// Takes TLS connections that a balancer passed through. Each begins with a PROXY header; what follows it is handed to the
// HTTPS server as if the client had come by itself, with the client's own address.

/** The balancer sends the header with the connection's first packet. */
const headerMs = 5_000
/** Strangers may not fill the log. */
const complainMs = 10_000

export interface ProxyListenerOptions {
  /** The HTTPS server that gets the connections. */
  secure: Server
  isBalancer: IsBalancer
  /** Called with the TLS socket before HTTP sees it. */
  arrived(socket: TLSSocket, from: ProxiedConnection): void
  log: HttpContext['log']
}

export function buildProxyListener({ secure, isBalancer, arrived, log }: ProxyListenerOptions): Server {
  // In handshake. A TLS socket does not say which socket it was made of, but has its two ends.
  const brought = new Map<string, ProxiedConnection>()
  let quietUntilMs = 0
  const complain = (address: string | undefined, code: string, text: string) => {
    if (Date.now() < quietUntilMs) return
    quietUntilMs = Date.now() + complainMs
    log.warn({ code, address }, text)
  }

  secure.prependListener('secureConnection', (socket: TLSSocket) => {
    const from = brought.get(endsOf(socket))
    if (!from) return
    brought.delete(endsOf(socket))
    Object.defineProperty(socket, 'remoteAddress', { value: from.address })
    Object.defineProperty(socket, 'remotePort', { value: from.port })
    arrived(socket, from)
  })

  return createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    const { remoteAddress } = socket
    if (!isBalancer(remoteAddress)) {
      complain(remoteAddress, 'not-a-balancer', 'A connection to `proxyPort` came from no listed balancer.')
      socket.destroy()
      return
    }
    readHeader(socket, (from) => {
      if (from instanceof ProxyHeaderError) {
        complain(remoteAddress, from.code, from.message)
        socket.destroy()
        return
      }
      if (from) {
        const ends = endsOf(socket)
        brought.set(ends, from)
        socket.once('close', () => brought.delete(ends))
      }
      secure.emit('connection', socket)
    })
  })
}

function endsOf({ remoteAddress, remotePort, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localPort}`
}

/** Takes exactly the header; the bytes behind it stay in the socket. */
function readHeader(
  socket: Socket,
  done: (from: ProxiedConnection | ProxyHeaderError | undefined) => void,
): void {
  let start: Buffer | null = null
  const finish = (from: ProxiedConnection | ProxyHeaderError | undefined) => {
    clearTimeout(timer)
    socket.off('readable', onReadable)
    done(from)
  }
  const onReadable = () => {
    try {
      start ??= socket.read(proxyStartBytes)
      if (!start) return
      const rest = proxyHeaderBytes(start) - proxyStartBytes
      const more: Buffer | null = rest === 0 ? Buffer.alloc(0) : socket.read(rest)
      if (more) finish(parseProxyHeader(Buffer.concat([start, more])))
    } catch (error) {
      finish(error as ProxyHeaderError)
    }
  }
  const timer = setTimeout(
    () => finish(new ProxyHeaderError(`Expected a header within ${headerMs} ms.`)),
    headerMs,
  )
  socket.once('close', () => clearTimeout(timer))
  socket.on('readable', onReadable)
}
