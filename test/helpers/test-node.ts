import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import { pino } from 'pino'
import { signerFromPem } from '../../codec/ed25519.ts'
import type { Signer } from '../../format/ports.ts'
import type { NodeConfig } from '../../node/config.ts'
import { type NodeOptions, type RunningNode, startNode } from '../../node/node.ts'
import { readNodeConfig } from '../../node/read-config.ts'
import { type SetUp, setUpNode } from '../../node/setup.ts'

// A whole node in a home of its own, over real TLS, as `tapedeck up` makes it.

export interface TestAnswer {
  status: number
  headers: IncomingHttpHeaders
  bytes: Buffer
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever JSON came.
  json: any
}

export interface AskOptions {
  method?: string
  headers?: Record<string, string>
  body?: unknown
  /** As the administrator of the home unless told: 'nobody', or a token. */
  as?: string
}

/** A node, wherever it runs. */
export interface ReachedNode {
  home: string
  setUp: SetUp
  config: NodeConfig
  farm: Signer
  ca: Buffer
  token: string
  node: Pick<RunningNode, 'port'> & { host?: string }
  ask(path: string, options?: AskOptions): Promise<TestAnswer>
}

export interface TestNode extends ReachedNode {
  node: RunningNode
  restart(options?: NodeOptions): Promise<void>
}

export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tapedeck-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function startTestNode(
  t: ExecutionContext,
  options: NodeOptions & { config?: Partial<NodeConfig>; catalog?: string } = {},
): Promise<TestNode> {
  const home = await temporaryFolder(t)
  const { catalog } = options
  const setUp = await setUpNode({ home, port: 0, ...(catalog !== undefined && { catalog }) })
  const config = { ...(await readNodeConfig(setUp.config)), ...options.config }
  const log = pino({ level: 'silent' })
  const ca = await readFile(config.tlsCert)
  const token = (await readFile(join(home, 'client.token'), 'utf8')).trim()
  const agent = new Agent({ ca, keepAlive: true })
  const test: TestNode = {
    home,
    setUp,
    config,
    ca,
    token,
    farm: signerFromPem(await readFile(config.farmKey, 'utf8')),
    node: await startNode(config, { log, ...options }),
    ask: (path, asked = {}) => askNode(agent, test, path, asked),
    restart: async (changed = {}) => {
      await test.node.close()
      test.node = await startNode(config, { log, ...options, ...changed })
    },
  }
  t.teardown(async () => {
    agent.destroy()
    await test.node.close()
  })
  return test
}

export function askNode(
  agent: Agent,
  test: Pick<ReachedNode, 'token' | 'node'>,
  path: string,
  options: AskOptions,
): Promise<TestAnswer> {
  const { method = 'GET', as = test.token, body } = options
  const raw = body instanceof Uint8Array || typeof body === 'string'
  const sent = body === undefined ? undefined : raw ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const call = request({
      agent,
      host: test.node.host ?? 'localhost',
      port: test.node.port,
      path,
      method,
      headers: {
        ...(as !== 'nobody' && { authorization: `Bearer ${as}` }),
        ...(sent !== undefined && { 'content-type': raw ? 'application/octet-stream' : 'application/json' }),
        ...(sent !== undefined && { 'content-length': String(Buffer.byteLength(sent)) }),
        ...options.headers,
      },
    })
    call.on('error', reject)
    call.on('response', async (response) => {
      try {
        const bytes = await buffer(response)
        const text = bytes.toString()
        const isJson = String(response.headers['content-type']).includes('json')
        const json = isJson && text !== '' ? JSON.parse(text) : undefined
        resolve({ status: response.statusCode!, headers: response.headers, bytes, text, json })
      } catch (error) {
        reject(error)
      }
    })
    call.end(sent)
  })
}

/** Waits until `condition` holds; fails after `withinMs`. */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const endMs = Date.now() + withinMs
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`It did not become so within ${withinMs} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
