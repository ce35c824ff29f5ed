import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { agentEnvironment } from '../test/helpers/agent-environment.ts'
import { type Desktop, openDesktop } from '../test/helpers/desktop.ts'
import { fbsBlocks, replay, zstdcat } from '../test/helpers/replay.ts'
import { ssim } from '../test/helpers/ssim.ts'
import { openOffice, openVideo, videoArea } from './desktop-work.ts'
import type { BenchOptions, Figure } from './main.ts'
import { cpuSeconds } from './program-cost.ts'

// What recording a desktop costs, against the usual way: ffmpeg grabbing the display, H.264, 10 pictures a second. The
// X server's work counts where recording causes it: what it does unrecorded is taken off both sides.

const officeMs = 90_000
const videoMs = 30_000
const quickMs = 10_000
/** Of the file sink. */
const streamName = 'screen.rfb.zst'
const recorderProgram = fileURLToPath(new URL('desktop-recorder.ts', import.meta.url))

interface Recorded {
  bytes: number
  /** Of who records. */
  cpuSeconds: number
  rawBytes: number
  frames: number
  updates: number
  mb: number
}

interface Cost extends Recorded {
  xServerSeconds: number
}

type Recorder = (desktop: Desktop, dir: string) => { stop(): Promise<Recorded> }

export async function run({ quick }: BenchOptions): Promise<Figure[]> {
  const ms = quick ? quickMs : officeMs
  const bare = await office(ms, nobody)
  const ours = await office(ms, tapedeck('lossless'))
  const h264 = await office(ms, ffmpeg)
  const video = await videos(quick ? quickMs : videoMs)
  const caused = (of: Cost) => of.cpuSeconds + of.xServerSeconds - bare.xServerSeconds
  return [
    {
      key: 'bytes_vs_h264',
      value: ours.bytes / h264.bytes,
      bar: { atMost: 1.5 },
      about: `office, lossless: ${mb(ours.bytes)} of ${mb(ours.rawBytes)} raw, ${ours.updates} updates in ${ours.frames} frames; against ${mb(h264.bytes)}`,
    },
    {
      key: 'cpu_vs_h264',
      value: caused(ours) / caused(h264),
      bar: { atMost: 0.15 },
      about: `agent ${seconds(ours.cpuSeconds)} and X server ${seconds(ours.xServerSeconds - bare.xServerSeconds)}, against ffmpeg ${seconds(h264.cpuSeconds)} and ${seconds(h264.xServerSeconds - bare.xServerSeconds)}`,
    },
    {
      key: 'desktop_mb',
      value: ours.mb,
      bar: { atMost: 150 },
      about: 'most memory that recording it added to the agent',
    },
    {
      key: 'video_bytes_vs_h264',
      value: video.ours.bytes / video.h264.bytes,
      bar: { atMost: 2 },
      about: `video, lossy: ${mb(video.ours.bytes)} against ${mb(video.h264.bytes)}; agent ${seconds(video.ours.cpuSeconds)} against ${seconds(video.h264.cpuSeconds)}`,
    },
    { key: 'video_ssim', value: video.ssim, about: 'the last picture of the stopped video, lossy' },
  ]
}

async function office(ms: number, recorder: Recorder): Promise<Cost> {
  return onDesktop(async (desktop, dir) => {
    const work = await openOffice(desktop)
    const before = await cpuSeconds(desktop.server.pid!)
    const recording = recorder(desktop, dir)
    await work(ms)
    const recorded = await recording.stop()
    return { ...recorded, xServerSeconds: (await cpuSeconds(desktop.server.pid!)) - before }
  })
}

// Both at once: a player that the machine starves shows both the same.
async function videos(ms: number): Promise<{ ours: Recorded; h264: Recorded; ssim: number }> {
  return onDesktop(async (desktop, dir) => {
    const play = await openVideo(desktop)
    const recordings = [tapedeck('lossy'), ffmpeg].map((recorder) => recorder(desktop, dir))
    await play(ms)
    const still = await desktop.picture()
    const [ours, h264] = await Promise.all(recordings.map((recording) => recording.stop()))
    const recorded = await replay(fbsBlocks(await zstdcat(join(dir, streamName))))
    return { ours: ours!, h264: h264!, ssim: ssim(still, recorded, videoArea) }
  })
}

async function onDesktop<T>(use: (desktop: Desktop, dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'tapedeck-bench-'))
  const desktop = await openDesktop({ geometry: '1600x1000' })
  try {
    return await use(desktop, dir)
  } finally {
    await desktop.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

const nothing: Recorded = { bytes: 0, cpuSeconds: 0, rawBytes: 0, frames: 0, updates: 0, mb: 0 }

const nobody: Recorder = () => ({ stop: async () => nothing })

function tapedeck(mode: 'lossless' | 'lossy'): Recorder {
  return (desktop, dir) => {
    const child = spawn(
      execPath,
      ['--disable-warning=ExperimentalWarning', recorderProgram, desktop.socket, dir, mode],
      { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...agentEnvironment } },
    )
    const said = text(child.stdout)
    return {
      async stop() {
        child.stdin.end()
        return JSON.parse(await said) as Recorded
      },
    }
  }
}

const ffmpeg: Recorder = (desktop, dir) => {
  const path = join(dir, 'desktop.mp4')
  const grab = ['-f', 'x11grab', '-framerate', '10', '-i', desktop.display]
  const child = spawn('ffmpeg', ['-loglevel', 'error', ...grab, '-c:v', 'libx264', '-crf', '23', path], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const spent = lastCpuSeconds(child)
  return {
    async stop() {
      child.stdin!.end('q')
      await once(child, 'exit')
      return { ...nothing, cpuSeconds: await spent, bytes: (await stat(path)).size }
    },
  }
}

/** What a process had spent shortly before its end: a zombie's times are its own, a reaped one's are gone. */
async function lastCpuSeconds(child: ChildProcess): Promise<number> {
  let last = 0
  while (child.exitCode === null && child.signalCode === null) {
    last = await cpuSeconds(child.pid!).catch(() => last)
    await sleep(20)
  }
  return last
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toPrecision(3)} MB`
}

function seconds(value: number): string {
  return `${value.toPrecision(3)} s`
}
