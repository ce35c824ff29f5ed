import { concatBytes } from '../../../format/bytes.ts'
import { pixelFormat, rfbVersion, type ServerInit, serverInitBytes } from '../../../format/server-init.ts'
import { DesktopError } from './desktop-error.ts'

// The client's side of an RFB 3.8 handshake (RFC 6143, 7.1 to 7.3), bytes in, bytes out:
//
//   version ──▶ security ──▶ None ─────────────▶ result ──▶ init ──▶ done
//                        └─▶ VncAuth, challenge ──┘  └─ failed: its reason

/** A reason or a desktop's name is a line of text. */
const textBytesMax = 64 * 1024
const challengeBytes = 16

const security = { none: 1, vncAuth: 2 } as const
const securityNames: Record<number, string> = {
  1: 'None',
  2: 'VncAuth',
  16: 'Tight',
  18: 'TLS',
  19: 'VeNCrypt',
}

/** Answers a challenge with the desktop's password; absent where none is known. */
export type AnswerChallenge = (challenge: Uint8Array) => Uint8Array

export class RfbHandshake {
  readonly #answer: AnswerChallenge | undefined
  #bytes: Uint8Array = new Uint8Array(0)
  #state: 'version' | 'security' | 'challenge' | 'result' | 'init' | 'done' = 'version'
  #init: ServerInit | undefined

  constructor(answer?: AnswerChallenge) {
    this.#answer = answer
  }

  /** Once the handshake is done. */
  get init(): ServerInit | undefined {
    return this.#init
  }

  /** Takes what the server said and gives what to reply. Throws DesktopError. */
  push(bytes: Uint8Array): Uint8Array {
    this.#bytes = concatBytes([this.#bytes, bytes])
    const replies: Uint8Array[] = []
    for (let reply = this.#step(); reply; reply = this.#step()) replies.push(reply)
    return concatBytes(replies)
  }

  /** What came behind the handshake. */
  get rest(): Uint8Array {
    return this.#bytes
  }

  // `undefined` when more bytes are needed.
  #step(): Uint8Array | undefined {
    const state = this.#state
    switch (state) {
      case 'version':
        return this.#version()
      case 'security':
        return this.#security()
      case 'challenge': {
        const challenge = this.#take(challengeBytes)
        if (!challenge) return undefined
        this.#state = 'result'
        return this.#answer!(challenge)
      }
      case 'result':
        return this.#result()
      case 'init':
        return this.#serverInit()
      case 'done':
        return undefined
      default:
        return state satisfies never
    }
  }

  #version(): Uint8Array | undefined {
    const bytes = this.#take(rfbVersion.length)
    if (!bytes) return undefined
    const text = Buffer.from(bytes).toString('latin1')
    const match = /^RFB (\d{3})\.(\d{3})\n$/.exec(text)
    if (!match)
      throw new DesktopError('no-rfb', `Expected an RFB server's version, got ${JSON.stringify(text)}.`, {
        hint: 'Name the socket or port of a VNC server.',
      })
    if (Number(match[1]) * 1000 + Number(match[2]) < 3008)
      throw new DesktopError('version', `The server speaks ${text.trim()}; RFB 3.8 is needed.`, {
        hint: 'Start it without -Protocol3.3.',
      })
    this.#state = 'security'
    return rfbVersion
  }

  #security(): Uint8Array | undefined {
    const count = this.#bytes[0]
    if (count === undefined) return undefined
    if (count === 0) {
      const reason = this.#text(1)
      if (reason === undefined) return undefined
      throw new DesktopError('refused', `The server refuses: ${reason}`)
    }
    const types = this.#take(1 + count)?.subarray(1)
    if (!types) return undefined
    if (types.includes(security.none)) {
      this.#state = 'result'
      return new Uint8Array([security.none])
    }
    if (types.includes(security.vncAuth) && this.#answer) {
      this.#state = 'challenge'
      return new Uint8Array([security.vncAuth])
    }
    const offered = [...types].map((type) => securityNames[type] ?? type).join(', ')
    throw new DesktopError('security', `The server offers security ${offered}; None or VncAuth is needed.`, {
      hint: types.includes(security.vncAuth)
        ? "Name the server's password file."
        : 'Add VncAuth to its SecurityTypes, or let x0vncserver read the display.',
    })
  }

  #result(): Uint8Array | undefined {
    if (this.#bytes.length < 4) return undefined
    const result = Buffer.from(this.#bytes).readUInt32BE(0)
    if (result === 0) {
      this.#take(4)
      this.#state = 'init'
      // ClientInit: the session's own viewers stay connected.
      return new Uint8Array([1])
    }
    const reason = this.#text(4)
    if (reason === undefined) return undefined
    throw new DesktopError('authentication', `The server does not let the agent in: ${reason}`, {
      hint: "Check the server's password file.",
    })
  }

  #serverInit(): Uint8Array | undefined {
    const name = this.#text(serverInitBytes - 4)
    if (name === undefined) return undefined
    const view = Buffer.from(this.#bytes)
    this.#init = { width: view.readUInt16BE(0), height: view.readUInt16BE(2), name }
    this.#take(serverInitBytes + view.readUInt32BE(serverInitBytes - 4))
    this.#state = 'done'
    return undefined
  }

  // Text whose length lies at `at`.
  #text(at: number): string | undefined {
    if (this.#bytes.length < at + 4) return undefined
    const bytes = Buffer.from(this.#bytes)
    const length = bytes.readUInt32BE(at)
    if (length > textBytesMax)
      throw new DesktopError(
        'text-size',
        `The server sent a text of ${length} bytes; ${textBytesMax} are allowed.`,
      )
    return bytes.length < at + 4 + length ? undefined : bytes.toString('utf8', at + 4, at + 4 + length)
  }

  #take(size: number): Uint8Array | undefined {
    if (this.#bytes.length < size) return undefined
    const taken = this.#bytes.subarray(0, size)
    this.#bytes = this.#bytes.subarray(size)
    return taken
  }
}

/** SetPixelFormat (7.5.1): the one that screens are recorded in. */
export function encodeSetPixelFormat(): Uint8Array {
  return concatBytes([new Uint8Array(4), pixelFormat])
}

/** SetEncodings (7.5.2), the preferred first. */
export function encodeSetEncodings(encodings: readonly number[]): Uint8Array {
  const message = Buffer.alloc(4 + 4 * encodings.length)
  message.writeUInt8(2, 0)
  message.writeUInt16BE(encodings.length, 2)
  encodings.forEach((value, i) => {
    message.writeInt32BE(value, 4 + 4 * i)
  })
  return message
}

/** FramebufferUpdateRequest (7.5.3) for the whole screen: what changed, or everything. */
export function encodeUpdateRequest(width: number, height: number, what: 'changes' | 'all'): Uint8Array {
  const message = Buffer.alloc(10)
  message.writeUInt8(3, 0)
  message.writeUInt8(what === 'changes' ? 1 : 0, 1)
  message.writeUInt16BE(width, 6)
  message.writeUInt16BE(height, 8)
  return message
}
