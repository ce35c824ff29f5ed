import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import { setImmediate as immediate } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { openCrypto } from '../../codec/crypto.ts'
import { openMac } from '../../codec/mac.ts'
import { ScreenImages } from '../../screen/screen-images.ts'
import { openStore } from '../store/store.ts'
import { drawNow } from './draw-now.ts'
import type { IndexReply, IndexRequest, IndexWorkerData } from './index-messages.ts'
import { IndexPace } from './index-pace.ts'
import { callMsMax, IndexQueue, within } from './index-queue.ts'
import { IndexTables } from './index-tables.ts'
import type { IndexTools } from './index-tools.ts'

// The thread that makes indexes: it reads what ingest has stored, so that ingest hands nothing over and waits for nothing.

/** Of this thread alone: agents' bytes and viewers come first. */
const niceness = 10

const { folders, restore, farm, farmKey, macKey } = workerData as IndexWorkerData
const port = parentPort!
const say = (reply: IndexReply) => port.postMessage(reply)

yieldToOthers()
const crypto = openCrypto()
const store = await openStore({ folders, ...(restore !== undefined && { restore }), farm, farmKey, crypto })
const mac = openMac(macKey)
/** Recordings whose bytes are worked on: what a share had held up may go on beside the next. */
const guards: string[] = []
const tools: IndexTools = {
  store,
  mac,
  tables: new IndexTables(store, mac),
  farmKey,
  crypto,
  images: new ScreenImages(),
  cpuMs: () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  },
  async guarded(recording, work) {
    guards.push(recording)
    say({ type: 'guarded', recording })
    try {
      return await work()
    } finally {
      guards.splice(guards.indexOf(recording), 1)
      const other = guards.at(-1)
      say({ type: 'guarded', ...(other !== undefined && { recording: other }) })
    }
  },
}
const queue = new IndexQueue(tools, {
  built: (recording, done, error) => say({ type: 'built', recording, done, ...(error && { error }) }),
  trouble: (recording, error) => say({ type: 'trouble', recording, ...error }),
})
const draws: Extract<IndexRequest, { type: 'draw' }>[] = []
const pace = new IndexPace(tools.cpuMs)
let running = false
let closing = false
let wake = () => {}

port.on('message', (request: IndexRequest) => {
  if (request.type === 'sealed') queue.sealed(request.recording, request.stream, request.bytes)
  else if (request.type === 'build') queue.build(request.recording, request.again)
  else if (request.type === 'draw') draws.push(request)
  else closing = true
  if (isAwaited()) wake()
  if (!running) void run()
})

// Somebody looks at what is drawn, so that goes first.
async function run(): Promise<void> {
  running = true
  while (!closing && (draws.length > 0 || !queue.isEmpty)) {
    const draw = draws.shift()
    if (draw) await answer(draw)
    else await queue.turn()
    const restMs = pace.restMs()
    // Messages that came meanwhile are taken.
    await (restMs > 0 && !isAwaited() ? rest(restMs) : immediate())
  }
  running = false
  if (!closing) return
  await queue.close()
  say({ type: 'closed' })
  port.close()
}

/** Nobody who looks, and no node that closes, waits for a rest. */
function isAwaited(): boolean {
  return closing || draws.length > 0
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    wake = () => {
      clearTimeout(timer)
      resolve()
    }
  })
}

async function answer({ id, draw }: Extract<IndexRequest, { type: 'draw' }>): Promise<void> {
  const image = await within(callMsMax, () => drawNow(tools, draw)).catch(() => undefined)
  say({ type: 'drawn', id, ...(image && { image }) })
}

// Threads have priorities of their own on Linux; elsewhere this one runs as all do.
function yieldToOthers(): void {
  try {
    setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), niceness)
  } catch {
    // Not allowed or not there.
  }
}
