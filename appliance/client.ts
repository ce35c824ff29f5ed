import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { text as readText } from 'node:stream/consumers'
import { CommandError } from './command-error.ts'
import type { Home } from './home.ts'

// The command's way to a server: HTTPS with the server's own certificate authority and an API token.

export interface ServerOptions {
  server?: string
  tokenFile?: string
  ca?: string
}

/** A server that is up answers its first byte within this; exports of long recordings begin at once too. */
const answerTimeoutMs = 30_000

export interface Client {
  readonly url: string
  /** The JSON answer. Throws CommandError with the server's code, text and hint. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>
  /** The answer's bytes as they come. */
  download(path: string): Promise<IncomingMessage>
  upload<T>(path: string, body: Readable, type: string): Promise<T>
  close(): void
}

/** `TAPEDECK_TOKEN` or a token file says who asks; without `--server`, the home says where and who. */
export async function openClient(home: Home, options: ServerOptions): Promise<Client> {
  const known = options.server ? undefined : await readClientFile(home)
  const url = options.server ?? known!.url
  const tokenFile = options.tokenFile ?? known?.tokenFile
  const token =
    process.env.TAPEDECK_TOKEN ?? (tokenFile && (await readSmall(resolve(home.root, tokenFile))).trim())
  if (!token)
    throw new CommandError(
      'no-token',
      'No API token to sign in with.',
      'Set TAPEDECK_TOKEN or give --token-file.',
      2,
    )
  const caFile = options.ca ?? known?.ca
  const agent = new Agent({
    keepAlive: true,
    ...(caFile && { ca: await readSmall(resolve(home.root, caFile)) }),
  })

  const send = (method: string, path: string, headers: Record<string, string>, body?: string | Readable) =>
    new Promise<IncomingMessage>((done, fail) => {
      const call = request(new URL(path, url), {
        method,
        agent,
        headers: { authorization: `Bearer ${token}`, ...headers },
        timeout: answerTimeoutMs,
      })
      call.on('response', (answer) => {
        call.setTimeout(0)
        done(answer)
      })
      call.on('timeout', () => call.destroy(new Error('no answer')))
      call.on('error', (error) => fail(unreachable(url, error)))
      if (body === undefined || typeof body === 'string') call.end(body)
      else body.on('error', (error) => call.destroy(error)).pipe(call)
    })

  const checked = async (answer: IncomingMessage): Promise<IncomingMessage> => {
    if ((answer.statusCode ?? 500) < 300) return answer
    throw serverError(answer.statusCode ?? 500, await readText(answer))
  }
  const json = async <T>(answer: IncomingMessage): Promise<T> => {
    const body = await readText(await checked(answer))
    return (body === '' ? undefined : JSON.parse(body)) as T
  }

  return {
    url,
    async call(method, path, body) {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      return json(await send(method, path, headers, body === undefined ? undefined : JSON.stringify(body)))
    },
    download: async (path) => checked(await send('GET', path, {})),
    upload: async (path, body, type) => json(await send('POST', path, { 'content-type': type }, body)),
    close: () => agent.destroy(),
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
    return new CommandError(code, text, hint ?? '')
  } catch {
    return new CommandError(`http-${status}`, `The server answered ${status}.`, "Look into the node's log.")
  }
}

function unreachable(url: string, error: Error): CommandError {
  return new CommandError(
    'unreachable',
    `${url} cannot be reached: ${error.message}`,
    "Is it running? './tapedeck up' starts one here.",
  )
}
