// PROXY protocol, version 2: what a balancer that passes TLS through says of a connection before its first byte. Pure.
// https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt, 2.2

/** The fixed part: signature, version and command, family and transport, length of the rest. */
export const proxyStartBytes = 16
/** Both addresses and every optional field that HAProxy can add stay below this. */
export const proxyHeaderBytesMax = 1024

const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
const local = 0x20
const proxied = 0x21
/** Family and transport → bytes of one address. Others carry no address that means anything here. */
const addressBytes: Record<number, number> = { 17: 4, 33: 16 }

export interface ProxiedConnection {
  /** The true client. */
  address: string
  port: number
  /** The balancer's port that it came to. */
  toPort: number
}

export class ProxyHeaderError extends Error {
  readonly code = 'proxy-header'
  readonly hint = 'Only a Tapedeck balancer may connect here, with `send-proxy-v2`.'

  constructor(text: string) {
    super(text)
    this.name = 'ProxyHeaderError'
  }
}

/** The whole header's length, from its first `proxyStartBytes`. Throws ProxyHeaderError. */
export function proxyHeaderBytes(start: Uint8Array): number {
  if (!signature.every((byte, i) => start[i] === byte))
    throw new ProxyHeaderError('Expected the signature of PROXY protocol version 2.')
  const command = start[12]!
  if (command !== local && command !== proxied)
    throw new ProxyHeaderError(`Expected version 2 and LOCAL or PROXY, got 0x${command.toString(16)}.`)
  const total = proxyStartBytes + start[14]! * 256 + start[15]!
  if (total > proxyHeaderBytesMax)
    throw new ProxyHeaderError(`Expected at most ${proxyHeaderBytesMax} bytes of header, got ${total}.`)
  return total
}

/** `undefined` when the balancer speaks for itself, as its health checks do. Throws ProxyHeaderError. */
export function parseProxyHeader(header: Uint8Array): ProxiedConnection | undefined {
  if (header.length !== proxyHeaderBytes(header))
    throw new ProxyHeaderError(
      `Expected a header of ${proxyHeaderBytes(header)} bytes, got ${header.length}.`,
    )
  if (header[12] === local) return undefined
  const bytes = addressBytes[header[13]!]
  if (bytes === undefined)
    throw new ProxyHeaderError(`Expected TCP over IPv4 or IPv6, got family 0x${header[13]!.toString(16)}.`)
  const ports = proxyStartBytes + 2 * bytes
  if (header.length < ports + 4) throw new ProxyHeaderError('The header ends within its addresses.')
  const view = new DataView(header.buffer, header.byteOffset, header.length)
  return {
    address: bytes === 4 ? ipv4(view, proxyStartBytes) : ipv6(view, proxyStartBytes),
    port: view.getUint16(ports),
    toPort: view.getUint16(ports + 2),
  }
}

function ipv4(view: DataView, at: number): string {
  return [0, 1, 2, 3].map((i) => view.getUint8(at + i)).join('.')
}

/** As the system writes addresses; an IPv4 client of a socket for both families is an IPv4 client. */
function ipv6(view: DataView, at: number): string {
  const groups = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => view.getUint16(at + 2 * i))
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) return ipv4(view, at + 12)
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname.slice(1, -1)
}
