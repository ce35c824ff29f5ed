import { connect, type Socket } from 'node:net'
import { FormatError } from '../../../format/format-error.ts'
import { encoding, type RfbPart, RfbReader } from '../../../format/rfb-reader.ts'
import type { ServerInit } from '../../../format/server-init.ts'
import { DesktopError } from './desktop-error.ts'
import {
  type AnswerChallenge,
  encodeSetEncodings,
  encodeSetPixelFormat,
  encodeUpdateRequest,
  RfbHandshake,
} from './rfb-handshake.ts'
import { answerChallenge, readPasswordFile } from './vnc-auth.ts'

// A connection to a desktop's RFB server on this host. It never sends input, and asks for no cursor: a server draws the
// pointer into the picture of a client that could not know where it is.

/** A Unix socket, or a port of the loopback interface. */
export type RfbAddress = { path: string } | { port: number }

export interface RfbServer {
  address: RfbAddress
  /** Of vncpasswd, where the server wants VncAuth. */
  passwordFile?: string
  /** Users one of whom that file must belong to, where a process of theirs has named it. */
  filesOf?: readonly number[]
  /** For a server that looks for the pointer only when it is spoken to: so often it is asked again. */
  askAgainMs?: number
}

/** Asked for beside the pixels, so that a change of size is told and not the end. */
const sizeEncodings = [encoding.extendedDesktopSize, encoding.desktopSize]
/** A server on this host that has not answered by then is stuck. */
const handshakeMsMax = 10_000
/** One read at most; the socket waits until it is taken. Memory that is used again: a desktop says gigabytes an hour. */
const readBytesMax = 256 * 1024

export class RfbConnection {
  readonly init: ServerInit
  readonly askAgainMs: number | undefined
  readonly #wire: Wire
  readonly #reader: RfbReader

  private constructor(
    wire: Wire,
    handshake: RfbHandshake,
    encodings: readonly number[],
    askAgainMs: number | undefined,
  ) {
    this.init = handshake.init!
    this.askAgainMs = askAgainMs
    this.#wire = wire
    this.#reader = new RfbReader({ ...this.init, encodings })
    this.#reader.push(handshake.rest)
  }

  /** Connects and settles pixels and `encodings` (the preferred first), beside those of sizes. Throws DesktopError. */
  static async open(
    server: RfbServer,
    encodings: readonly number[],
    signal?: AbortSignal,
  ): Promise<RfbConnection> {
    const answer =
      server.passwordFile === undefined ? undefined : await answerFrom(server.passwordFile, server.filesOf)
    const wire = new Wire(server.address)
    const stop = () => wire.close()
    signal?.addEventListener('abort', stop)
    try {
      const handshake = new RfbHandshake(answer)
      const until = performance.now() + handshakeMsMax
      while (!handshake.init) {
        if (!(await wire.more(until - performance.now())))
          throw new Error(`no answer within ${handshakeMsMax} ms`)
        wire.send(handshake.push(wire.take()!.slice()))
      }
      const asked = [...encodings, ...sizeEncodings]
      wire.send(encodeSetPixelFormat())
      wire.send(encodeSetEncodings(asked))
      return new RfbConnection(wire, handshake, asked, server.askAgainMs)
    } catch (error) {
      wire.close()
      if (error instanceof FormatError) throw error
      if (error instanceof DesktopError && error.code !== 'lost') throw error
      throw new DesktopError(
        'unreachable',
        `The desktop's server cannot be reached: ${(error as Error).message}`,
        { hint: 'Is it running, and may the agent open its socket?', cause: error },
      )
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  get width(): number {
    return this.#reader.width
  }

  get height(): number {
    return this.#reader.height
  }

  /** Asks for one update of the whole screen. */
  request(what: 'changes' | 'all'): void {
    this.#wire.send(encodeUpdateRequest(this.width, this.height, what))
  }

  /**
   * The next part of what has come; `undefined` when it was taken. A content is valid until `undefined` was returned.
   * Throws FormatError where the server breaks the rules.
   */
  take(): RfbPart | undefined {
    while (true) {
      const part = this.#reader.next()
      if (part) return part
      const bytes = this.#wire.take()
      if (!bytes) return undefined
      this.#reader.push(bytes)
    }
  }

  /** Waits until more can be taken: true, or false after `waitMs` or `wake`. Throws DesktopError `lost`. */
  more(waitMs: number): Promise<boolean> {
    return this.#wire.more(waitMs)
  }

  wake(): void {
    this.#wire.wake()
  }

  close(): void {
    this.#wire.close()
  }
}

// Bytes of a socket, read into one buffer when what it held is taken and more is wanted.
class Wire {
  readonly #socket: Socket
  #bytes: Uint8Array | undefined
  #failure: DesktopError | undefined
  #wake: (() => void) | undefined

  constructor(address: RfbAddress) {
    const onread = {
      buffer: new Uint8Array(readBytesMax),
      callback: (size: number, buffer: Uint8Array) => {
        this.#bytes = buffer.subarray(0, size)
        this.#wake?.()
        return false
      },
    }
    const where = 'path' in address ? address : { port: address.port, host: '127.0.0.1', noDelay: true }
    this.#socket = connect({ ...where, onread })
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail())
  }

  send(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#socket.write(bytes)
  }

  take(): Uint8Array | undefined {
    const bytes = this.#bytes
    this.#bytes = undefined
    return bytes
  }

  async more(waitMs: number): Promise<boolean> {
    if (!this.#bytes && !this.#failure) {
      this.#socket.resume()
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#wake = undefined
    }
    if (this.#bytes) return true
    if (this.#failure) throw this.#failure
    return false
  }

  wake(): void {
    this.#wake?.()
  }

  close(): void {
    this.#socket.destroy()
  }

  #fail(cause?: Error): void {
    const why = cause ? `: ${cause.message}` : '.'
    this.#failure ??= new DesktopError('lost', `The desktop's server is gone${why}`, { cause })
    this.#wake?.()
  }
}

async function answerFrom(path: string, filesOf: readonly number[] | undefined): Promise<AnswerChallenge> {
  const password = await readPasswordFile(path, filesOf)
  return (challenge) => answerChallenge(challenge, password)
}
