import { dataBytesMax, dataHeaderBytes } from './limits.ts'
import { WireError } from './wire-error.ts'

// A binary message: channel u32, offset u64, both big-endian, then the bytes of the stream at that offset.

export interface DataMessage {
  channel: number
  offset: number
  bytes: Uint8Array
}

/** A view of the same memory, no copy. Throws WireError `data`. */
export function parseData(message: Uint8Array): DataMessage {
  const size = message.length - dataHeaderBytes
  if (size < 1 || size > dataBytesMax)
    throw new WireError(
      'data',
      `Expected 1 to ${dataBytesMax} bytes behind the header of a data message, got ${size}.`,
    )
  const view = new DataView(message.buffer, message.byteOffset, dataHeaderBytes)
  const high = view.getUint32(4)
  if (high > 0x1fffff) throw new WireError('data', 'The offset of a data message is beyond 2^53.')
  return {
    channel: view.getUint32(0),
    offset: high * 2 ** 32 + view.getUint32(8),
    bytes: message.subarray(dataHeaderBytes),
  }
}

/** Writes the header into `message`, whose bytes from 12 on are the stream's. */
export function writeDataHeader(message: Uint8Array, channel: number, offset: number): void {
  const view = new DataView(message.buffer, message.byteOffset, dataHeaderBytes)
  view.setUint32(0, channel)
  view.setUint32(4, Math.floor(offset / 2 ** 32))
  view.setUint32(8, offset % 2 ** 32)
}

/** A viewer's live message: offset u64, then bytes. */
export function encodeLive(offset: number, bytes: Uint8Array): Uint8Array {
  const message = new Uint8Array(8 + bytes.length)
  const view = new DataView(message.buffer)
  view.setUint32(0, Math.floor(offset / 2 ** 32))
  view.setUint32(4, offset % 2 ** 32)
  message.set(bytes, 8)
  return message
}
