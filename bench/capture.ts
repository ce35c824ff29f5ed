import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { eventually } from '../test/helpers/eventually.ts'
import { openPty, type Pty } from '../test/helpers/pty.ts'
import { run as execute, startUp, type Up } from '../test/helpers/up.ts'
import { logText } from './log-text.ts'
import type { Figure } from './main.ts'
import { median } from './median.ts'
import { cpuSeconds, rssMb } from './program-cost.ts'

// What recording costs the recorded person and the host: throughput of a PTY, latency of an echo, memory, CPU.

const bytes = 32 * 1024 * 1024
const rounds = 9
const echoes = 400
const echoRounds = 3
const typingSessions = 50
const typingMs = 20_000
/** Five keys a second each, as a fast typist. */
const keyMs = 200
const drain = fileURLToPath(new URL('drain.py', import.meta.url))

export async function run(): Promise<Figure[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tapedeck-bench-'))
  const text = join(dir, 'text')
  await writeFile(text, logText(bytes))
  // What a host runs is never a first start, which has yet to compile its code.
  const first = await startUp()
  await idle(first)
  await first.stop()
  const up = await startUp()
  try {
    await idle(up)
    const throughput = await throughputs(up, text, join(dir, 'a.cast'))
    const echo = await echoTimes(up)
    const typing = await typingCost(up)
    const cores = availableParallelism()
    return [
      {
        key: 'throughput_vs_bare',
        value: throughput.vsBare,
        bar: { atLeast: cores >= 4 ? 0.8 : 0.65 },
        about: `cat of 32 MB, share of a bare PTY, ${cores} cores; bare ${rate(throughput.bare)}`,
      },
      {
        key: 'throughput_vs_asciinema',
        value: throughput.vsAsciinema,
        bar: { atLeast: 2 },
        about: `the same against asciinema rec, ${rate(throughput.asciinema)}`,
      },
      {
        key: 'echo_added_p50_ms',
        value: echo.recorded - echo.bare,
        bar: { atMost: 0.5 },
        about: `medians of ${echoRounds * echoes} echoes; bare ${echo.bare.toFixed(3)} ms`,
      },
      {
        key: 'rss_per_session_mb',
        value: typing.perSessionMb,
        bar: { atMost: 4 },
        about: 'recorder of one session and its logs in memory',
      },
      {
        key: 'agent_rss_mb',
        value: typing.agentMb,
        bar: { atMost: 120 },
        about: `agent with ${typingSessions} typing sessions`,
      },
      {
        key: 'agent_cpu_share',
        value: typing.agentCpu,
        bar: { atMost: 0.1 },
        about: 'of one core, the same',
      },
    ]
  } finally {
    await up.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

const rate = (seconds: number) => `${(bytes / seconds / 1e6).toFixed(0)} MB/s`

async function throughputs(up: Up, text: string, cast: string) {
  const cat = ['cat', text]
  const record = ['asciinema', 'rec', '-q', '--overwrite', '-c', cat.join(' '), cast]
  const bare: number[] = []
  const recorded: number[] = []
  const asciinema: number[] = []
  for (let i = 0; i < rounds; i++) {
    bare.push(await seconds(cat))
    recorded.push(await seconds(up.recordCommand(...cat)))
    await idle(up)
    asciinema.push(await seconds(record))
  }
  // Round by round: what else the machine does meanwhile is in both.
  const against = (other: number[]) => median(recorded.map((recordedS, i) => other[i]! / recordedS))
  return {
    vsBare: against(bare),
    vsAsciinema: against(asciinema),
    bare: median(bare),
    asciinema: median(asciinema),
  }
}

/** Seconds until all that a command prints has come through its terminal. */
async function seconds(command: string[]): Promise<number> {
  const { stdout, status, stderr } = await execute('python3', [drain, ...command])
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr}`)
  return Number(stdout.toString())
}

/** The agent runs and its queue is empty, so that one round's work does not run in the next. */
async function idle(up: Up): Promise<void> {
  await eventually(
    async () => {
      const { queue, sessions } = await up.json<{ queue: { bytes: number }; sessions: unknown[] }>('status')
      if (queue.bytes > 0 || sessions.length > 0) throw new Error(`The queue has ${queue.bytes} bytes.`)
    },
    { timeoutMs: 60_000 },
  )
}

async function echoTimes(up: Up) {
  const command = ['sh', '-c', 'echo ready; exec cat']
  const bare: number[] = []
  const recorded: number[] = []
  for (let i = 0; i < echoRounds; i++) {
    bare.push(...(await echoMs(command)))
    recorded.push(...(await echoMs(up.recordCommand(...command))))
  }
  return { bare: median(bare), recorded: median(recorded) }
}

async function echoMs(command: string[]): Promise<number[]> {
  const { stdout } = await execute('python3', [drain, '--echo', String(echoes), ...command])
  return stdout.toString().trim().split('\n').map(Number)
}

async function typingCost(up: Up): Promise<{ perSessionMb: number; agentMb: number; agentCpu: number }> {
  const ptys: Pty[] = []
  for (let i = 0; i < typingSessions; i++) ptys.push(openPty(up.recordCommand('sh')))
  await eventually(
    async () => {
      const { sessions } = await up.json<{ sessions: unknown[] }>('status')
      if (sessions.length < typingSessions) throw new Error(`${sessions.length} sessions`)
    },
    { timeoutMs: 60_000 },
  )
  const { agent } = await up.pids()
  const type = async (ms: number) => {
    const until = performance.now() + ms
    for (let key = 1; performance.now() < until; key++) {
      // A command every 40 keys.
      for (const pty of ptys) pty.write(key % 40 === 0 ? '\u0015date\r' : 'abcdefgh '[key % 9]!)
      await sleep(keyMs)
    }
  }
  // Starting 50 sessions at once is another cost than having them.
  await type(5000)
  const before = await cpuSeconds(agent!)
  const since = performance.now()
  await type(typingMs)
  const agentCpu = ((await cpuSeconds(agent!)) - before) / ((performance.now() - since) / 1000)
  const agentMb = await rssMb(agent!)
  const perSessionMb = (await recorderMb(ptys)) + (await logsMb(up)) / typingSessions
  for (const pty of ptys) pty.write('\u0015exit\r')
  await Promise.all(ptys.map((pty) => pty.exit))
  return { perSessionMb, agentMb, agentCpu }
}

/** Mean of the processes of `script` below a terminal: what recording adds to the shell that would run anyway. */
async function recorderMb(ptys: Pty[]): Promise<number> {
  const { stdout } = await execute('ps', ['-e', '-o', 'pid=,ppid=,rss=,comm='])
  const rows = stdout
    .toString()
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/))
  const below = (pid: string): number =>
    rows
      .filter(([, parent]) => parent === pid)
      .reduce(
        (sum, [child, , rss, name]) => sum + (name === 'script' ? Number(rss) / 1024 : 0) + below(child!),
        0,
      )
  return ptys.reduce((sum, { pid }) => sum + below(String(pid)), 0) / ptys.length
}

/** What the recorders' logs hold in memory now, all sessions together. */
async function logsMb(up: Up): Promise<number> {
  const run = join(up.home, 'agent', 'run')
  let bytes = 0
  for (const file of await readdir(run, { recursive: true }))
    bytes += (await stat(join(run, file))).blocks * 512
  return bytes / 1024 ** 2
}
