import { concatBytes, utf8 } from './bytes.ts'
import { FormatError } from './format-error.ts'

// The RFB handshake as a client that asked for no security sees it (RFC 6143, 7.1 to 7.3), with the one pixel format that
// screens are recorded in: 32 bits, little-endian, red in the lowest byte. It is the order of a canvas, and noVNC's.

export const rfbVersion = utf8('RFB 003.008\n')

/** PIXEL_FORMAT (7.4): bits, depth, big-endian, true colour, the three maxima, the three shifts, padding. */
export const pixelFormat = new Uint8Array([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16, 0, 0, 0])

/** Before the name: width, height, pixel format, the name's length. */
export const serverInitBytes = 24
/** In HEAD, beside a certificate and facts. */
const nameBytesMax = 96

export interface ServerInit {
  /** Pixels. */
  width: number
  height: number
  name: string
}

/** A name that is too long is cut. */
export function encodeServerInit(init: ServerInit): Uint8Array<ArrayBuffer> {
  let name = utf8(init.name)
  if (name.length > nameBytesMax)
    name = utf8(new TextDecoder().decode(name.subarray(0, nameBytesMax)).replace(/\ufffd+$/, ''))
  const bytes = new Uint8Array(serverInitBytes + name.length)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, init.width)
  view.setUint16(2, init.height)
  bytes.set(pixelFormat, 4)
  view.setUint32(20, name.length)
  bytes.set(name, serverInitBytes)
  return bytes
}

/** Of a recording's HEAD. Throws FormatError `server-init`. The name is for people: what is no UTF-8 in it is replaced. */
export function parseServerInit(bytes: Uint8Array): ServerInit {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length < serverInitBytes || view.getUint32(20) !== bytes.length - serverInitBytes)
    throw new FormatError('server-init', `Expected a ServerInit message, got ${bytes.length} other bytes.`)
  if (!pixelFormat.subarray(0, 13).every((byte, i) => bytes[4 + i] === byte))
    throw new FormatError('server-init', 'Expected pixels of 32 bits with red in the lowest byte.')
  return {
    width: view.getUint16(0),
    height: view.getUint16(2),
    name: new TextDecoder().decode(bytes.subarray(serverInitBytes)),
  }
}

/** What the server says until the first update: version, security None, its success, ServerInit. */
export function encodeHandshake(serverInit: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes([rfbVersion, new Uint8Array([1, 1]), new Uint8Array(4), serverInit])
}
