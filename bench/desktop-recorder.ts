import { argv, cpuUsage, memoryUsage, resourceUsage, stdin } from 'node:process'
import { recordDesktop } from '../agent/capture/desktop/desktop-recorder.ts'
import { rfbSource } from '../agent/capture/desktop/desktop-source.ts'
import { lossyDefaults } from '../agent/capture/desktop/lossy-encoder.ts'
import { openFileSink } from '../test/helpers/file-sink.ts'
import { fbsBlocks, zstdcat } from '../test/helpers/replay.ts'
import { crypto, facts, makeIdentities, sampleId } from '../test/helpers/sample-stream.ts'

// A process that records one desktop until its input ends, as an agent does, and tells what that cost: without the start
// of Node, which an agent pays once.

const [socket, dir, mode] = argv.slice(2)
const { agent: signer, certificate } = makeIdentities()
const sink = await openFileSink(dir!)
const tell = (what: object) => console.error(JSON.stringify(what))
const restingMb = memoryUsage.rss() / 1e6
const before = cpuUsage()
const recorder = recordDesktop({
  source: rfbSource({ address: { path: socket! } }),
  sink,
  recording: sampleId(),
  facts: { ...facts, type: 'desktop', startedMs: Date.now() },
  signer,
  crypto,
  certificate,
  log: { info: tell, warn: tell, error: tell },
  // Other programs on the machine must not make recording cheaper here.
  loadShare: async () => 0,
  ...(mode === 'lossy' && { lossy: lossyDefaults }),
})
for await (const _ of stdin);
await recorder.stop('stopped')
const { user, system } = cpuUsage(before)
const mb = (resourceUsage().maxRSS * 1024) / 1e6 - restingMb
const { written } = sink.state
const times = new Set(fbsBlocks(await zstdcat(sink.path)).map(({ timeMs }) => timeMs))
console.log(
  JSON.stringify({
    cpuSeconds: (user + system) / 1e6,
    bytes: sink.durable,
    rawBytes: written.reduce((sum, { raw }) => sum + raw, 0),
    frames: written.length,
    updates: times.size,
    mb,
  }),
)
process.exit(0)
