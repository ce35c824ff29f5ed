import { appendFileSync, readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../agent/capture/clock.ts'
import { bootId } from '../agent/capture/process-name.ts'
import { SessionRecorder } from '../agent/capture/session-recorder.ts'
import { Spool } from '../agent/queue/spool.ts'
import { crypto, facts, makeIdentities, sampleId } from '../test/helpers/sample-stream.ts'
import { run as execute } from '../test/helpers/up.ts'
import { withDiskFolder } from './disk-folder.ts'
import type { BenchOptions, Figure } from './main.ts'
import { type Shown, typedSession } from './typed-session.ts'

// How large an hour of typing becomes. The agent's own recorder follows the logs of a session of one hour and writes its
// queue, with every flush and frame end where they would be; only its clock is ours, so the hour takes a minute.

const durationS = 3600
const quickDurationS = 120

export async function run({ quick }: BenchOptions): Promise<Figure[]> {
  return withDiskFolder(async (dir) => {
    await mkdir(join(dir, 'home'))
    const shown = await typedSession(join(dir, 'home'), quick ? quickDurationS : durationS)
    const file = join(dir, 'recording')
    await writeFile(file, await record(dir, shown))
    const content = await output('zstd', '-dc', file)
    await writeFile(join(dir, 'content'), content)
    const stored = readFileSync(file).length
    const oneShot = (await output('zstd', '-3', '-c', join(dir, 'content'))).length
    const minutes = shown.at(-1)!.timeUs / 60e6
    return [
      {
        key: 'vs_oneshot_zstd',
        value: stored / oneShot,
        bar: { atMost: 1.25 },
        about: `of what zstd -3 makes of the same ${(content.length / 1000).toFixed(0)} kB of asciicast at once`,
      },
      {
        key: 'kb_per_minute',
        value: stored / 1000 / minutes,
        bar: { atMost: 5 },
        about: `${shown.length} outputs in ${minutes.toFixed(0)} minutes of bash, ${(stored / 1000).toFixed(0)} kB stored`,
      },
    ]
  })
}

async function output(command: string, ...args: string[]): Promise<Buffer> {
  const { status, stdout, stderr } = await execute(command, args)
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`)
  return stdout
}

/** The stream that the agent makes of a session, END included. */
async function record(dir: string, shown: Shown[]): Promise<Buffer> {
  const logs = join(dir, 'logs')
  await mkdir(logs)
  const { spool } = await Spool.open(join(dir, 'spool'))
  const stat = await readFile('/proc/self/stat', 'utf8')
  const ticks = stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[19]!
  const { agent, certificate } = makeIdentities()
  const spooled = await spool.create({
    version: 1,
    recording: sampleId(),
    stream: 'cast',
    folder: 'logs',
    // This process stands for the recorder's: it lives.
    session: { facts, pid: process.pid, ticks, boot: bootId() },
    sentFrom: -1,
  })
  const failures: unknown[] = []
  const log = {
    info() {},
    warn: (...said: unknown[]) => failures.push(said),
    error: (...said: unknown[]) => failures.push(said),
  }
  const options = { dir: logs, spooled, signer: agent, crypto, certificate, log }
  await new SessionRecorder({ ...options, clock: sessionClock(logs, shown) }).run()
  if (failures.length > 0) throw new Error(`The recorder said ${JSON.stringify(failures)}`)
  const files = spooled.files.map(({ start }) =>
    readFileSync(join(spooled.dir, `${String(start).padStart(20, '0')}.frame`)),
  )
  return Buffer.concat(files)
}

/** Time passes only while the recorder waits; what the session shows meanwhile is then in its logs, as `script` writes them. */
function sessionClock(logs: string, shown: readonly Shown[]): Clock {
  const out = join(logs, 'out')
  const timing = join(logs, 'timing')
  appendFileSync(out, 'Script started on 2026-01-05 08:00:00+00:00 [COMMAND="bash"]\n')
  appendFileSync(timing, '')
  let nowUs = 0
  let next = 0
  let lastUs = 0
  const line = (timeUs: number, type: string, value: string) => {
    const deltaUs = timeUs - lastUs
    lastUs = timeUs
    return `${type} ${Math.floor(deltaUs / 1e6)}.${String(deltaUs % 1e6).padStart(6, '0')} ${value}\n`
  }
  return {
    nowMs: () => facts.startedMs + nowUs / 1000,
    after(ms, call) {
      nowUs += ms * 1000
      const lines: string[] = []
      for (; next < shown.length && shown[next]!.timeUs <= nowUs; next++) {
        const { timeUs, bytes } = shown[next]!
        appendFileSync(out, bytes)
        lines.push(line(timeUs, 'O', String(bytes.length)))
        if (next === shown.length - 1) lines.push(line(timeUs, 'H', 'EXIT_CODE 0'))
      }
      appendFileSync(timing, lines.join(''))
      setImmediate(call)
      return () => undefined
    },
  }
}
