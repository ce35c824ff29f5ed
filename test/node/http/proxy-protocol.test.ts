import test from 'ava'
import fc from 'fast-check'
import {
  parseProxyHeader,
  proxyHeaderBytes,
  proxyHeaderBytesMax,
  proxyStartBytes,
} from '../../../node/http/proxy-protocol.ts'
import { encodeProxyHeader } from '../../helpers/proxy-header.ts'

test('a header says who the client is and which port it came to', (t) => {
  const header = encodeProxyHeader({ from: '192.0.2.7', fromPort: 40_000, toPort: 1801 })
  t.is(proxyHeaderBytes(header.subarray(0, proxyStartBytes)), header.length)
  t.deepEqual(parseProxyHeader(header), { address: '192.0.2.7', port: 40_000, toPort: 1801 })
  const six = encodeProxyHeader({ from: '2001:db8:0:0:0:0:0:7', fromPort: 1, toPort: 443 })
  t.deepEqual(parseProxyHeader(six), { address: '2001:db8::7', port: 1, toPort: 443 })
})

test('an IPv4 client of a socket for both families is an IPv4 client', (t) => {
  t.is(parseProxyHeader(encodeProxyHeader({ from: '0:0:0:0:0:ffff:c000:207' }))!.address, '192.0.2.7')
})

test('what else a header carries is passed over', (t) => {
  const header = encodeProxyHeader({ from: '192.0.2.7', more: Buffer.from([3, 0, 1, 0]) })
  t.is(parseProxyHeader(header)!.address, '192.0.2.7')
})

test('a health check speaks for the balancer itself', (t) => {
  t.is(parseProxyHeader(encodeProxyHeader({ local: true })), undefined)
})

test('other protocols, versions, commands, families and lengths are refused', (t) => {
  const whole = encodeProxyHeader({ from: '192.0.2.7' })
  const changed = (at: number, byte: number) => {
    const copy = Buffer.from(whole)
    copy[at] = byte
    return copy
  }
  const refused = (bytes: Uint8Array, message: RegExp) =>
    t.throws(() => parseProxyHeader(bytes), { code: 'proxy-header', message })
  refused(Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.1 1 443\r\n'), /signature/)
  refused(Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaa', 'latin1'), /signature/)
  refused(changed(12, 0x11), /0x11/)
  refused(changed(12, 0x22), /0x22/)
  refused(changed(13, 0x12), /family 0x12/)
  refused(changed(13, 0x31), /family 0x31/)
  refused(changed(13, 0x21), /ends within/)
  refused(changed(14, proxyHeaderBytesMax >> 8), /at most 1024/)
  refused(whole.subarray(0, -1), /got 27/)
})

test('any bytes give an address or a refusal', (t) => {
  const near = fc.tuple(fc.nat(27), fc.nat(255)).map(([at, byte]) => {
    const header = encodeProxyHeader({ from: '192.0.2.7' })
    header[at] = byte
    return header as Uint8Array
  })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), near), (bytes) => {
      try {
        parseProxyHeader(bytes)
        return true
      } catch (error) {
        return (error as { code?: string }).code === 'proxy-header'
      }
    }),
  )
  t.pass()
})
