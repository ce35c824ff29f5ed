import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { runProgram } from '../test/farm/program.ts'
import { eventually } from '../test/helpers/eventually.ts'
import { freePort } from '../test/helpers/free-port.ts'
import { facts } from '../test/helpers/sample-stream.ts'
import { run } from '../test/helpers/up.ts'
import { type BenchNode, startBenchNode } from './bench-node.ts'
import { emptyStore } from './disk-folder.ts'
import { LoadAgent } from './load-agent.ts'
import { type Body, makeLoadStream, terminalBody } from './load-streams.ts'
import { logText } from './log-text.ts'
import type { Figure } from './main.ts'
import { median } from './median.ts'

// Whole terminal sessions a second: one node beside Debian's sudo_logsrvd, fed by its own sudo_sendlog. The node syncs
// before it acknowledges, sudo_logsrvd never does; so both write into memory, where a sync costs nothing. The node speaks
// TLS; Debian builds sudo without it.

const sessions = 200
/** Hosts that they are on: an agent has one connection for all its sessions, sudo one for each. */
const agents = 10
const outputBytes = 100_000
/** As a terminal's output comes: so much at a time. */
const pieceBytes = 1000

export async function sudoFigure(rounds: number): Promise<Figure> {
  const dir = await mkdtemp('/dev/shm/tapedeck-bench-')
  try {
    const output = logText(outputBytes)
    const body = await terminalBody(output, pieceBytes)
    const node = await startBenchNode(join(dir, 'home'), agents)
    const sudo = await startSudo(dir, output)
    const rates = { node: [] as number[], sudo: [] as number[] }
    try {
      // The first round compiles.
      for (let i = 0; i <= rounds; i++) {
        const found = { node: await toNode(node, body), sudo: await sudo.round() }
        if (i === 0) continue
        rates.node.push(found.node)
        rates.sudo.push(found.sudo)
      }
    } finally {
      await sudo.stop()
      await node.server.stop()
    }
    return {
      key: 'sessions_vs_sudo_logsrvd',
      value: median(rates.node.map((rate, i) => rate / rates.sudo[i]!)),
      about: `whole sessions of ${outputBytes / 1000} kB a second, ${sessions} at once: one node ${median(rates.node).toFixed(0)}, sudo_logsrvd fed by sudo_sendlog -t ${sessions} ${median(rates.sudo).toFixed(0)}; the node over TLS, sudo without; both into memory, where a sync costs nothing`,
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Sessions a second, from the first connection to the last final receipt. */
async function toNode({ server, ca, identities, store }: BenchNode, body: Body): Promise<number> {
  const streams = Array.from({ length: sessions }, (_, i) =>
    makeLoadStream(identities[i % agents]!, facts, body, 1, { ended: true }),
  )
  const since = performance.now()
  const connected = await Promise.all(
    identities.map((identity) => LoadAgent.connect(server.port, ca, identity)),
  )
  await Promise.all(
    streams.map(async (stream, i) => {
      const agent = connected[i % agents]!
      const channel = 1 + Math.floor(i / agents)
      await agent.open(channel, stream, () => undefined)
      await agent.finish(channel)
    }),
  )
  const seconds = (performance.now() - since) / 1000
  await Promise.all(connected.map((agent) => agent.close()))
  await emptyStore(store)
  return sessions / seconds
}

async function startSudo(dir: string, output: Buffer) {
  const own = join(dir, 'sudo')
  const [log, kept] = [join(own, 'log'), join(own, 'kept')]
  await mkdir(log, { recursive: true })
  await mkdir(kept)
  // As sudoreplay(8) reads it.
  const session = {
    timestamp: { seconds: Math.floor(Date.now() / 1000), nanoseconds: 0 },
    ...{ columns: 80, lines: 24, command: '/bin/cat', runargv: ['cat', 'log'], ttyname: '/dev/pts/1' },
    ...{ runuid: 0, runuser: 'root', rungid: 0, rungroup: 'root' },
    ...{ submituser: 'root', submithost: 'ward-7', submitcwd: '/root' },
    // Without these two the log counts as one of a session that goes on.
    ...{ run_time: { seconds: 1, nanoseconds: 0 }, exit_value: 0 },
  }
  // Its reader of JSON wants a line for each.
  await writeFile(join(log, 'log.json'), JSON.stringify(session, null, 2))
  const pieces = Array.from({ length: output.length / pieceBytes }, () => `4 0.010000 ${pieceBytes}\n`)
  await writeFile(join(log, 'timing'), pieces.join(''))
  await writeFile(join(log, 'ttyout'), output)
  const port = await freePort()
  const config = join(own, 'logsrvd.conf')
  await writeFile(
    config,
    `[server]
listen_address = 127.0.0.1:${port}
pid_file = ${join(own, 'pid')}
server_log = ${join(own, 'server.log')}
[iolog]
iolog_dir = ${kept}
iolog_file = %{seq}
[eventlog]
log_type = none
`,
  )
  const server = runProgram({ name: 'logsrvd', folder: own, command: ['sudo_logsrvd', '-n', '-f', config] })
  server.start()
  await eventually(
    () =>
      new Promise<void>((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.destroy()
          resolve()
        })
        socket.once('error', reject)
      }),
  )
  return {
    /** Sessions a second. */
    async round(): Promise<number> {
      const to = ['-h', '127.0.0.1', '-p', String(port)]
      const since = performance.now()
      const { status, stderr } = await run('sudo_sendlog', ['-t', String(sessions), ...to, log])
      const seconds = (performance.now() - since) / 1000
      if (status !== 0) throw new Error(`sudo_sendlog ended with ${status}: ${stderr.slice(0, 500)}`)
      const { stdout } = await run('sh', ['-c', `find '${kept}' -name ttyout -size +0 | wc -l`])
      if (Number(stdout) !== sessions) throw new Error(`sudo_logsrvd kept ${stdout} of ${sessions} sessions.`)
      await rm(kept, { recursive: true })
      await mkdir(kept)
      return sessions / seconds
    },
    stop: () => server.stop(),
  }
}
