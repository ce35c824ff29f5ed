import { ApiError } from './api-error.ts'

/** No answer takes longer unless the server is gone; verification of a large recording is the slowest. */
const answerMsMax = 60_000

interface Call {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  body?: unknown
  signal?: AbortSignal
}

/** The HTTP API, spoken as the signed-in browser: its cookie goes along by itself, its CSRF token here. */
export class Api {
  /** Set on sign-in; goes with every call that changes something. */
  csrf = ''
  readonly #signedOut: () => void

  /** `signedOut` is called when the server no longer knows the session. */
  constructor(signedOut: () => void) {
    this.#signedOut = signedOut
  }

  /** Throws ApiError. */
  async call<T>(path: string, call: Call = {}): Promise<T> {
    const response = await this.#fetch(path, {
      method: call.method ?? 'GET',
      headers: {
        accept: 'application/json',
        ...(call.body !== undefined && { 'content-type': 'application/json' }),
        ...(call.method && call.method !== 'GET' && { 'x-csrf-token': this.csrf }),
      },
      ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
      ...(call.signal && { signal: call.signal }),
    })
    return response.status === 204 ? (undefined as T) : ((await response.json()) as T)
  }

  /** Bytes `from` to before `to` of a recording's stream; fewer where it ends earlier. */
  async bytes(path: string, from: number, to: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (to <= from) return new Uint8Array(0)
    const response = await this.#fetch(path, {
      headers: { range: `bytes=${from}-${to - 1}` },
      ...(signal && { signal }),
    })
    const bytes = new Uint8Array(await response.arrayBuffer())
    return response.status === 200 ? bytes.subarray(from, to) : bytes
  }

  /** All bytes of an answer. */
  async whole(path: string, signal?: AbortSignal): Promise<Uint8Array> {
    const response = await this.#fetch(path, { ...(signal && { signal }) })
    return new Uint8Array(await response.arrayBuffer())
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const timeout = AbortSignal.timeout(answerMsMax)
    const askedAs = this.csrf
    let response: Response
    try {
      response = await fetch(path, {
        ...init,
        signal: init.signal ? AbortSignal.any([init.signal, timeout]) : timeout,
      })
    } catch (error) {
      if (init.signal?.aborted) throw error
      throw new ApiError(0, 'no-answer', 'The server does not answer.', 'Check that it runs, then try again.')
    }
    if (response.ok) return response
    const body = (await response.json().catch(() => undefined)) as
      | { error?: { code?: string; text?: string; hint?: string } }
      | undefined
    // Other 401s are about a password that was given, and one asked before a sign-in is about the session before it.
    if (response.status === 401 && body?.error?.code === 'not-signed-in' && askedAs === this.csrf)
      this.#signedOut()
    throw new ApiError(
      response.status,
      body?.error?.code ?? `http-${response.status}`,
      body?.error?.text ?? `The server answered ${response.status}.`,
      body?.error?.hint,
    )
  }
}
