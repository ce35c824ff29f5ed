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
}

/** Asked for beside the pixels, so that a change of size is told and not the end. */
const sizeEncodings = [encoding.extendedDesktopSize, encoding.desktopSize]
/** A server on this host that has not answered by then is stuck. */
const handshakeMsMax = 10_000
/** Bytes read ahead of what is taken: the socket waits then, and the server with it. */
const readAheadBytesMax = 512 * 1024

export class RfbConnection {
  readonly init: ServerInit
  readonly #socket: Socket
  readonly #reader: RfbReader
  readonly #chunks: Uint8Array[]
  #chunkBytes = 0
  #failure: Error | undefined
  #wake: (() => void) | undefined

  private constructor(socket: Socket, handshake: RfbHandshake, encodings: readonly number[]) {
    this.init = handshake.init!
    this.#socket = socket
    this.#reader = new RfbReader({ ...this.init, encodings })
    this.#chunks = [handshake.rest]
    this.#chunkBytes = handshake.rest.length
    socket.on('data', (bytes: Uint8Array) => {
      this.#chunks.push(bytes)
      this.#chunkBytes += bytes.length
      if (this.#chunkBytes >= readAheadBytesMax) socket.pause()
      this.#wake?.()
    })
    socket.on('error', (error) => this.#fail(lost(error)))
    socket.on('close', () => this.#fail(lost()))
  }

  /** Connects and settles pixels and `encodings` (the preferred first), beside those of sizes. Throws DesktopError. */
  static async open(
    server: RfbServer,
    encodings: readonly number[],
    signal?: AbortSignal,
  ): Promise<RfbConnection> {
    const answer = server.passwordFile === undefined ? undefined : await answerFrom(server.passwordFile)
    const { address } = server
    const socket = connect('path' in address ? address : { port: address.port, host: '127.0.0.1' })
    socket.setNoDelay(true)
    const limit = AbortSignal.timeout(handshakeMsMax)
    const stop = () => socket.destroy(new Error(`The server did not answer within ${handshakeMsMax} ms.`))
    limit.addEventListener('abort', stop)
    signal?.addEventListener('abort', stop)
    try {
      const handshake = new RfbHandshake(answer)
      await shake(socket, handshake)
      socket.write(encodeSetPixelFormat())
      const asked = [...encodings, ...sizeEncodings]
      socket.write(encodeSetEncodings(asked))
      return new RfbConnection(socket, handshake, asked)
    } catch (error) {
      socket.destroy()
      if (error instanceof DesktopError || error instanceof FormatError) throw error
      throw new DesktopError(
        'unreachable',
        `The desktop's server cannot be reached: ${(error as Error).message}`,
        {
          hint: 'Is it running, and may the agent open its socket?',
          cause: error,
        },
      )
    } finally {
      limit.removeEventListener('abort', stop)
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
    this.#socket.write(encodeUpdateRequest(this.width, this.height, what))
  }

  /** The next part of what has come; `undefined` when it was taken. Throws FormatError where the server breaks the rules. */
  take(): RfbPart | undefined {
    while (true) {
      const part = this.#reader.next()
      if (part) return part
      const chunk = this.#chunks.shift()
      if (!chunk) return undefined
      this.#chunkBytes -= chunk.length
      this.#reader.push(chunk)
    }
  }

  /** Waits until more can be taken: true, or false after `waitMs`. Throws DesktopError `lost` when the server is gone. */
  async more(waitMs: number): Promise<boolean> {
    if (this.#chunks.length > 0) return true
    if (this.#failure) throw this.#failure
    if (this.#socket.isPaused()) this.#socket.resume()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
    if (this.#chunks.length > 0) return true
    if (this.#failure) throw this.#failure
    return false
  }

  /** Ends a wait in `more` early. */
  wake(): void {
    this.#wake?.()
  }

  close(): void {
    this.#socket.destroy()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#wake?.()
  }
}

function shake(socket: Socket, handshake: RfbHandshake): Promise<void> {
  return new Promise((resolve, reject) => {
    const onData = (bytes: Uint8Array) => {
      try {
        const reply = handshake.push(bytes)
        if (reply.length > 0) socket.write(reply)
        if (!handshake.init) return
        socket.off('data', onData)
        socket.off('error', reject)
        socket.off('close', onClose)
        resolve()
      } catch (error) {
        reject(error)
      }
    }
    const onClose = () => reject(new Error('The server hung up.'))
    socket.on('data', onData)
    socket.on('error', reject)
    socket.on('close', onClose)
  })
}

async function answerFrom(path: string): Promise<AnswerChallenge> {
  const password = await readPasswordFile(path)
  return (challenge) => answerChallenge(challenge, password)
}

function lost(cause?: Error): DesktopError {
  return new DesktopError(
    'lost',
    cause ? `The desktop's server is gone: ${cause.message}` : "The desktop's server is gone.",
    {
      cause,
    },
  )
}
