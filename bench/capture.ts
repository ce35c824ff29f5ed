import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { eventually } from '../test/helpers/eventually.ts'
import { openPty, type Pty } from '../test/helpers/pty.ts'
import { run as execute, startUp, type Up } from '../test/helpers/up.ts'
import type { Figure } from './main.ts'
import { median } from './median.ts'

// What recording costs the recorded person and the host: throughput of a PTY, latency of an echo, memory, CPU.

const bytes = 32 * 1024 * 1024
const rounds = 7
const echoes = 400
const typingSessions = 50
const typingMs = 20_000
const drain = fileURLToPath(new URL('drain.py', import.meta.url))

export async function run(): Promise<Figure[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tapedeck-bench-'))
  const text = join(dir, 'text')
  const line = Buffer.from(`${'The quick brown fox jumps over the lazy dog. 0123456789 '.repeat(2)}\n`)
  await writeFile(text, Buffer.alloc(bytes, line))
  const up = await startUp()
  try {
    const cat = ['cat', text]
    const bare: number[] = []
    const recorded: number[] = []
    const asciinema: number[] = []
    for (let i = 0; i < rounds; i++) {
      bare.push(await seconds(cat))
      recorded.push(await seconds(up.recordCommand(...cat)))
      asciinema.push(
        await seconds(['asciinema', 'rec', '-q', '--overwrite', '-c', cat.join(' '), join(dir, 'a.cast')]),
      )
      await idle(up)
    }
    const bareEcho = await echoMs(['cat'])
    const recordedEcho = await echoMs(up.recordCommand('cat'))
    const typing = await typingCost(up)
    const cores = availableParallelism()
    return [
      figure(
        'throughput_vs_bare',
        median(bare) / median(recorded),
        { atLeast: cores >= 4 ? 0.8 : 0.65 },
        `cat of 32 MB, share of a bare PTY, ${cores} cores`,
      ),
      figure(
        'throughput_vs_asciinema',
        median(asciinema) / median(recorded),
        { atLeast: 2 },
        'against asciinema rec',
      ),
      figure(
        'echo_added_p50_ms',
        median(recordedEcho) - median(bareEcho),
        { atMost: 0.5 },
        `median of ${echoes} echoes, bare ${median(bareEcho).toFixed(3)} ms`,
      ),
      figure('rss_per_session_mb', typing.perSessionMb, { atMost: 4 }, 'recorder processes of one session'),
      figure('agent_rss_mb', typing.agentMb, { atMost: 120 }, `agent with ${typingSessions} typing sessions`),
      figure('agent_cpu_share', typing.agentCpu, { atMost: 0.1 }, 'of one core, the same'),
    ]
  } finally {
    await up.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

function figure(key: string, value: number, bar: NonNullable<Figure['bar']>, about: string): Figure {
  return { key, value, bar, about }
}

/** Seconds until all that a command prints has come through its terminal. */
async function seconds(command: string[]): Promise<number> {
  const { stdout, status, stderr } = await execute('python3', [drain, ...command])
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr}`)
  return Number(stdout.toString())
}

/** The queue is empty, so that one round's work does not run in the next. */
async function idle(up: Up): Promise<void> {
  await eventually(
    async () => {
      const { queue, sessions } = await up.json<{ queue: { bytes: number }; sessions: unknown[] }>('status')
      if (queue.bytes > 0 || sessions.length > 0) throw new Error(`The queue has ${queue.bytes} bytes.`)
    },
    { timeoutMs: 60_000 },
  )
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
  await sleep(5000)
  const before = await cpuSeconds(agent!)
  const since = performance.now()
  let keys = 0
  while (performance.now() - since < typingMs) {
    // Five keys a second each, as a fast typist; a command every 40.
    for (const pty of ptys) pty.write(keys % 40 === 39 ? 'date\r' : 'abcdefgh '[keys % 9]!)
    keys += 1
    await sleep(200)
  }
  const spent = (await cpuSeconds(agent!)) - before
  const elapsed = (performance.now() - since) / 1000
  const agentMb = await rssMb(agent!)
  const perSessionMb = await recorderMb(ptys[0]!)
  for (const pty of ptys) pty.write('\u0003\u0004')
  await Promise.all(ptys.map((pty) => pty.exit))
  return { perSessionMb, agentMb, agentCpu: spent / elapsed }
}

/** Processes of `script` below a terminal: what recording adds to the shell that would run anyway. Private and shared. */
async function recorderMb(pty: Pty): Promise<number> {
  const { stdout } = await execute('ps', ['-e', '-o', 'pid=,ppid=,rss=,comm='])
  const rows = stdout
    .toString()
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/))
  let sum = 0
  const visit = (pid: string) => {
    for (const [child, parent, rss, name] of rows) {
      if (parent !== pid) continue
      if (name === 'script') sum += Number(rss) / 1024
      visit(child!)
    }
  }
  visit(String(pty.pid))
  return sum
}

async function rssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024
}

async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(') ') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
