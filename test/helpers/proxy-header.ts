/** A PROXY protocol 2 header as a balancer writes it. Addresses in full: `192.0.2.7` or eight groups. */
export function encodeProxyHeader(header: {
  local?: boolean
  from?: string
  fromPort?: number
  toPort?: number
  more?: Uint8Array
}): Buffer {
  const { local = false, from = '', fromPort = 1234, toPort = 443, more = new Uint8Array() } = header
  const six = from.includes(':')
  const address = six
    ? Buffer.from(from.split(':').flatMap((group) => [Number(`0x${group}`) >> 8, Number(`0x${group}`) & 255]))
    : Buffer.from(from.split('.').map(Number))
  const ports = Buffer.from([fromPort >> 8, fromPort & 255, toPort >> 8, toPort & 255])
  const body = local ? Buffer.alloc(0) : Buffer.concat([address, Buffer.alloc(six ? 16 : 4, 1), ports, more])
  const start = Buffer.from('0d0a0d0a000d0a515549540a00000000', 'hex')
  start[12] = local ? 0x20 : 0x21
  start[13] = local ? 0 : six ? 0x21 : 0x11
  start.writeUInt16BE(body.length, 14)
  return Buffer.concat([start, body])
}
