import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { resolve } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { CommandError } from './command-error.ts'
import type { Home } from './home.ts'

// The command's way to a server: HTTPS with the server's own certificate authority and an API token.

export interface ServerOptions {
  server?: string
  tokenFile?: string
  ca?: string
}

/** A server that is up answers its first byte within this; exports of long recordings begin at once too. */
const answerMsMax = 30_000
/** But not while it verifies or takes in the longest recording behind others. */
const workMsMax = 15 * 60_000

export interface Client {
  readonly url: string
  /** The JSON answer. Throws CommandError with the server's code, text and hint. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>
  /** GET what the server has to work for. */
  work<T>(path: string): Promise<T>
  /** The answer's bytes as they come, from `from` on. */
  download(path: string, from?: number): Promise<AsyncIterable<Uint8Array>>
  upload<T>(path: string, body: AsyncIterable<Uint8Array>, type: string): Promise<T>
  close(): void
}

/** `TAPEDECK_TOKEN` or a token file says who asks; without `--server`, the home says where and who. */
export async function openClient(home: Home, options: ServerOptions): Promise<Client> {
  const known = options.server === undefined ? await readClientFile(home) : undefined
  const url = serverUrl(options.server ?? known!.url)
  const tokenFile = options.tokenFile ?? (known?.tokenFile && resolve(home.root, known.tokenFile))
  const token = process.env.TAPEDECK_TOKEN ?? (tokenFile && (await readSmall(tokenFile)).trim())
  if (!token)
    throw new CommandError(
      'no-token',
      'No API token to sign in with.',
      'Set TAPEDECK_TOKEN or give --token-file.',
      2,
    )
  const caFile = options.ca ?? (known?.ca && resolve(home.root, known.ca))
  const agent = new Agent({ keepAlive: true, ...(caFile && { ca: await readSmall(caFile) }) })

  const send = (asked: Asked) =>
    new Promise<IncomingMessage>((done, fail) => {
      const { method, path, headers, body, waitMs = answerMsMax } = asked
      const call = request(new URL(path, url), {
        method,
        agent,
        headers: { authorization: `Bearer ${token}`, ...headers },
        timeout: waitMs,
      })
      call.on('response', (answer) => {
        call.setTimeout(0)
        done(answer)
      })
      call.on('timeout', () => call.destroy(new Error(`no answer for ${waitMs / 1000} s`)))
      call.on('error', (error) => fail(unreachable(url, error)))
      if (body === undefined || typeof body === 'string') call.end(body)
      else pipeline(body, call).catch((error) => fail(unreachable(url, error)))
    })
  const json = async <T>(answer: IncomingMessage): Promise<T> => {
    const body = await readText(await checked(answer))
    return (body === '' ? undefined : JSON.parse(body)) as T
  }
  return {
    url: url.origin,
    async call(method, path, body) {
      if (body === undefined) return json(await send({ method, path }))
      const headers = { 'content-type': 'application/json' }
      return json(await send({ method, path, headers, body: JSON.stringify(body) }))
    },
    work: async (path) => json(await send({ method: 'GET', path, waitMs: workMsMax })),
    download: async (path, from = 0) => {
      const headers = from > 0 ? { range: `bytes=${from}-` } : {}
      return piecesOf(await checked(await send({ method: 'GET', path, headers })))
    },
    upload: async (path, body, type) =>
      json(await send({ method: 'POST', path, headers: { 'content-type': type }, body, waitMs: workMsMax })),
    close: () => agent.destroy(),
  }
}

interface Asked {
  method: string
  path: string
  headers?: Record<string, string>
  body?: string | AsyncIterable<Uint8Array>
  /** Without a byte in either direction. */
  waitMs?: number
}

function serverUrl(text: string): URL {
  const url = URL.parse(text)
  if (url?.protocol === 'https:') return url
  throw new CommandError(
    'server',
    `Expected a server as https://HOST:PORT, got ${text}.`,
    "'tapedeck up' says where it listens.",
    2,
  )
}

async function checked(answer: IncomingMessage): Promise<IncomingMessage> {
  const { statusCode = 500 } = answer
  if (statusCode < 300) return answer
  throw serverError(statusCode, await readText(answer))
}

async function* piecesOf(answer: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* answer as AsyncIterable<Uint8Array>
  } catch (error) {
    throw new CommandError(
      'cut-off',
      `The server's answer ended early: ${(error as Error).message}.`,
      "Try again; the node's log says why.",
    )
  }
}

interface ClientFile {
  url: string
  ca?: string
  tokenFile?: string
}

async function readClientFile(home: Home): Promise<ClientFile> {
  try {
    return JSON.parse(await readFile(home.client, 'utf8')) as ClientFile
  } catch (error) {
    throw new CommandError(
      'no-server',
      `${home.client} says no server: ${(error as Error).message}`,
      "Start one with './tapedeck up', or name one with --server URL.",
      2,
    )
  }
}

async function readSmall(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new CommandError(
      'file',
      `${path} cannot be read: ${(error as Error).message}`,
      'Check the path and its mode.',
      2,
    )
  }
}

function serverError(status: number, body: string): CommandError {
  try {
    const { code, text, hint } = (
      JSON.parse(body) as { error: { code: string; text: string; hint?: string } }
    ).error
    const who = 'The server does not know this API token: see TAPEDECK_TOKEN and --token-file.'
    return new CommandError(code, text, status === 401 ? who : (hint ?? ''))
  } catch {
    return new CommandError(`http-${status}`, `The server answered ${status}.`, "Look into the node's log.")
  }
}

function unreachable({ origin }: URL, error: NodeJS.ErrnoException): CommandError {
  const { code = '', message } = error
  if (/CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/.test(code))
    return new CommandError(
      'certificate',
      `${origin} shows a certificate that is not trusted: ${message}.`,
      'Name its authority with --ca FILE.',
    )
  return new CommandError(
    'unreachable',
    `${origin} cannot be reached: ${message || code}.`,
    "Is it running? './tapedeck up' starts one here.",
  )
}
