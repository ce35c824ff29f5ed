import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { agentEnvironment } from './agent-environment.ts'
import { eventually } from './eventually.ts'
import { openRecordedHost, type RecordedHost } from './recorded-host.ts'
import type { Scope } from './test-host.ts'
import type { Listed } from './up.ts'

// A recorded host with its own farm: a node on the same machine, and the host's agent as root, all within the host.

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const node = `${root}/node_modules/node/bin/node`

/** It starts at nice 15: on a busy machine that takes its time. */
const agentStartTimes = { everyMs: 200 }

export interface RecordedFarm extends RecordedHost {
  /** The `tapedeck` command as the farm's administrator; its JSON. */
  json<T>(...args: string[]): Promise<T>
  /** A request to the farm as its administrator. */
  api(method: string, path: string, body: object): Promise<void>
  /** Resolves once it is connected, or has seen that the farm is away. */
  startAgent(state?: 'connected' | 'away', product?: string): Promise<void>
  /** All that an installed product has, in a folder of its own within the host. */
  copyProduct(): Promise<string>
  /** The node and what starts it again are killed. */
  stopFarm(): Promise<void>
  killAgent(signal?: NodeJS.Signals): Promise<void>
  /** Within the host. */
  agentPid(): Promise<number>
  /** What starts the agent of this host. */
  readonly agentCommand: string
  /** Recordings of commands that begin so, once there are `count` of them and all are complete. */
  complete(
    command: string,
    count?: number,
    options?: { of?(row: Listed): boolean; limit?: number },
  ): Promise<Listed[]>
  /** Output of a recording, byte for byte. */
  output(id: string): Promise<Buffer>
  /** The same of one that is complete, from the store's file: quick, where there are many. */
  stored(id: string): Promise<Buffer>
  events(id: string): Promise<CastEvent[]>
}

interface CastEvent {
  timeS: number
  code: string
  data: string
}

export async function openRecordedFarm(
  t: Scope,
  options: Parameters<typeof openRecordedHost>[1] = {},
): Promise<RecordedFarm> {
  const host = await openRecordedHost(t, options)
  const up = host.start([
    `${root}/tapedeck`,
    'up',
    '--home',
    '/srv/farm',
    '--port',
    '8443',
    '--no-sample',
    '--json',
  ])
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: up.stdout! }).once('line', () => resolve())
    let said = ''
    up.stderr!.on('data', (chunk) => {
      said += chunk
    })
    up.once('exit', (code) => reject(new Error(`tapedeck up ended with ${code}: ${said}`)))
  })
  let agent: ChildProcess | undefined
  const farm: RecordedFarm = {
    ...host,
    async json(verb, ...args) {
      const words = verb!.split(' ')
      const { status, stdout, stderr } = await host.tapedeck(
        ...words,
        '--home',
        '/srv/farm',
        '--json',
        ...args,
      )
      if (status !== 0) throw new Error(`tapedeck ${verb} ended with ${status}: ${stderr}`)
      return JSON.parse(stdout.toString())
    },
    async api(method, path, body) {
      const request = `
import json, ssl, urllib.request as r
token = open('/srv/farm/client.token').read().strip()
headers = {'Authorization': 'Bearer ' + token, 'Content-Type': 'application/json'}
r.urlopen(r.Request('https://localhost:8443${path}', ${JSON.stringify(JSON.stringify(body))}.encode(), headers, method='${method}'),
  context=ssl._create_unverified_context())`
      const { status, stderr } = await host.run(['python3', '-c', request])
      if (status !== 0) throw new Error(`${method} ${path}: ${stderr}`)
    },
    async stopFarm() {
      const ended = new Promise((resolve) => up.once('exit', resolve))
      await host.sh(`pkill -9 -f '[a]ppliance/main.ts up'; pkill -9 -f '[n]ode/main.ts'; :`)
      await ended
    },
    async copyProduct() {
      const copy = await host.sh('mktemp -d /srv/next-XXXXXX')
      const parts = 'agent appliance codec disk format lb node service wire package.json tapedeck'
      await host.sh(`cd ${root} && cp -r ${parts} ${copy} && ln -s ${root}/node_modules ${copy}/node_modules`)
      return copy
    },
    async startAgent(state = 'connected', product = root) {
      agent = host.start(['sh', '-c', `exec ${agentCommand(product)} >>/var/log/tapedeck-agent.log 2>&1`], {
        env: agentEnvironment,
      })
      await eventually(async () => {
        const status = await host.tapedeck('status', '--home', '/var/lib/tapedeck', '--json')
        if (status.status !== 0 || JSON.parse(status.stdout.toString()).connection.state !== state)
          throw new Error(`Not ${state}: ${await host.sh('tail -n 5 /var/log/tapedeck-agent.log')}`)
      }, agentStartTimes)
    },
    agentCommand: agentCommand(root),
    agentPid: async () => Number((await host.sh('cat /run/tapedeck/agent.pid')).split(' ')[0]),
    async killAgent(signal = 'SIGKILL') {
      const ended = new Promise((resolve) => agent?.once('exit', resolve))
      await host.sh(`kill -${signal.slice(3)} ${await farm.agentPid()}`)
      await ended
    },
    complete: (command, count = 1, { of = () => true, limit = 200 } = {}) =>
      eventually(
        async () => {
          const rows = (await farm.json<Listed[]>('list', '--limit', String(limit))).filter(
            (row) => row.command.startsWith(command) && of(row),
          )
          if (rows.length < count || rows.some(({ state }) => state !== 'complete'))
            throw new Error(`Not complete: ${JSON.stringify(rows)}`)
          return rows
        },
        { timeoutMs: 60_000, everyMs: 200 },
      ),
    output: async (id) => outputOf(await farm.events(id)),
    async stored(id) {
      const { stdout } = await host.run([
        'sh',
        '-c',
        `zstdcat $(find /srv/farm/node/recordings -name ${id}.cast.zst)`,
      ])
      return outputOf(parseEvents(stdout))
    },
    async events(id) {
      return parseEvents((await host.tapedeck('export', '--home', '/srv/farm', id, '--exact')).stdout)
    },
  }
  const { token } = await farm.json<{ token: string }>('agent token')
  const enrolled = await host.tapedeck(
    'agent',
    'enrol',
    '--server',
    'https://localhost:8443',
    '--token',
    token,
  )
  if (enrolled.status !== 0) throw new Error(enrolled.stderr)
  await farm.startAgent()
  return farm
}

/** As its unit starts it. */
function agentCommand(product: string): string {
  return `nice -n 15 ${node} --disable-warning=ExperimentalWarning --max-semi-space-size=2 ${product}/agent/main.ts /var/lib/tapedeck/agent`
}

function parseEvents(cast: Buffer): CastEvent[] {
  return cast
    .toString()
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [timeS, code, data] = JSON.parse(line) as [number, string, string]
      return { timeS, code, data }
    })
}

function outputOf(events: readonly CastEvent[]): Buffer {
  return Buffer.concat(
    events.filter(({ code }) => code === 'o').map(({ data }) => Buffer.from(bytesOf(data))),
  )
}

function bytesOf(text: string): Uint8Array {
  return Buffer.concat(
    [...text].map((character) => {
      const code = character.codePointAt(0)!
      return code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(character)
    }),
  )
}
