import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { rfbSource } from '../../../../agent/capture/desktop/desktop-source.ts'
import { ScreenStream } from '../../../../agent/capture/desktop/screen-stream.ts'
import { FrameScanner } from '../../../../format/frame-scanner.ts'
import { parseRecord } from '../../../../format/records.ts'
import { StreamVerifier } from '../../../../format/stream-verifier.ts'
import { dress, missingPrograms, startDesktop } from '../../../helpers/desktop.ts'
import { eventually } from '../../../helpers/eventually.ts'
import { openFileSink } from '../../../helpers/file-sink.ts'
import { difference } from '../../../helpers/picture.ts'
import {
  identities,
  mark,
  type RecordedDesktop,
  record,
  streamOptions,
} from '../../../helpers/recorded-desktop.ts'
import { type Block, fbsBlocks, frameBlocks, replay, zstdcat } from '../../../helpers/replay.ts'
import { crypto } from '../../../helpers/sample-stream.ts'

const missing = missingPrograms('Xvnc', 'openbox', 'xterm', 'xdotool', 'xwd', 'xsetroot', 'xrandr')
const real = missing ? test.skip : test
if (missing) test.skip(`desktops: ${missing}`, () => undefined)

interface Frame {
  offset: number
  end: number
  init: string
  bodyOffset: number
  body: Buffer
}

function framesOf(stream: Buffer): Frame[] {
  const scanner = new FrameScanner()
  scanner.push(stream)
  const frames: Frame[] = []
  let frame: Frame | undefined
  for (let part = scanner.next(); part; part = scanner.next()) {
    if (part.kind === 'head') {
      const { init } = parseRecord('head', part.payload)
      frame = {
        offset: part.offset,
        end: 0,
        init: init!,
        bodyOffset: part.offset + part.size,
        body: Buffer.alloc(0),
      }
    }
    if (part.kind === 'body') frame!.body = Buffer.concat([frame!.body, part.bytes])
    if (part.kind === 'seal') frames.push({ ...frame!, end: part.offset + part.size })
  }
  return frames
}

/** A handshake with the screen of a frame, as a player makes one that begins there. */
function greeting({ init }: Frame): Block {
  const start = Buffer.from('524642203030332e3030380a010100000000', 'hex')
  return { timeMs: 0, bytes: Buffer.concat([start, Buffer.from(init, 'base64url')]) }
}

real('frames decode alone, and a stream that is cut at one is proven', async (t) => {
  const desktop = await startDesktop(t, { geometry: '1024x768' })
  await dress(desktop)
  const recorded = await record(t, rfbSource({ address: { path: desktop.socket } }))
  await mark(recorded, desktop.picture)
  // A frame that is full, and one that another size has ended.
  const noise = 'while :; do ls -l /usr/bin /usr/lib; done'
  await desktop.xterm('noise', { geometry: '120x45+0+0', command: noise })
  await eventually(
    () => {
      const { state, durable } = recorded.sink
      if (state.written.length < 1) throw new Error('no frame is full')
      if (durable <= state.offset) throw new Error('the next frame has no picture')
    },
    { timeoutMs: 90_000 },
  )
  await desktop.run('xrandr', '-s', '800x600')
  await eventually(() => {
    if (recorded.sink.state.written.length < 2) throw new Error('no frame has ended')
  })
  await eventually(async () => {
    const { width } = await recorded.picture()
    if (width !== 800) throw new Error(`${width} pixels wide`)
  })
  await recorded.recorder.stop('stopped')

  const stream = await readFile(recorded.sink.path)
  const frames = framesOf(stream)
  t.true(frames.length >= 3)
  t.true(recorded.sink.state.written[0]!.raw >= 48 * 1024 * 1024)
  const whole = fbsBlocks(await zstdcat(recorded.sink.path))
  const played = [whole[0]!]
  for (const [i, frame] of frames.entries()) {
    const blocks = frameBlocks(frame.body, i === 0)
    played.push(...blocks)
    const alone = await replay([greeting(frame), ...blocks])
    t.is(difference(alone, await replay(played)), undefined, `frame ${i}`)
    const verifier = new StreamVerifier(identities.farm.publicKey, crypto)
    verifier.push(stream.subarray(0, frame.end))
    t.deepEqual(verifier.finish().problems, [], `cut behind frame ${i}`)
  }
  t.is(played.length, whole.length)
  t.true((await recorded.verify()).whole)
})

real('a torn stream goes on behind its last whole update', async (t) => {
  const desktop = await startDesktop(t, { geometry: '640x480' })
  await dress(desktop)
  const recorded = await record(t, rfbSource({ address: { path: desktop.socket } }))
  await mark(recorded, desktop.picture)
  await desktop.xterm('shell', {
    geometry: '60x20+5+5',
    command: 'for i in 1 2 3 4 5; do ls -l /usr; sleep 0.3; done; exec cat',
  })
  await mark(recorded, desktop.picture)
  const torn = await readFile(recorded.sink.path)
  const { state } = recorded.sink
  t.is(state.written.length, 0)
  await recorded.recorder.stop('stopped')
  const [frame] = framesOf(await readFile(recorded.sink.path))
  const blocks = frameBlocks(frame!.body, true)
  t.true(torn.equals((await readFile(recorded.sink.path)).subarray(0, torn.length)), 'what was flushed stays')

  const bodyBytes = torn.length - frame!.bodyOffset
  const kept: number[] = []
  for (let i = 0; i <= 12; i++) {
    const cut = frame!.bodyOffset + Math.floor((bodyBytes * i) / 12)
    for (const zeros of [0, 700]) {
      const bytes = Buffer.concat([torn.subarray(0, cut), Buffer.alloc(zeros)])
      const repaired = await repair(t, recorded, bytes)
      if (repaired.length === 0) continue
      const own = framesOf(repaired)
      t.is(own.length, 1)
      const found = frameBlocks(own[0]!.body, true)
      kept.push(found.length)
      const same = found.every(
        ({ timeMs, bytes }, at) => timeMs === blocks[at]!.timeMs && bytes.equals(blocks[at]!.bytes),
      )
      t.true(same, `cut at ${cut}, ${zeros} zeros`)
    }
  }
  // The whole of what was flushed survives, and something of what was cut in the middle does.
  t.true(Math.max(...kept) > Math.min(...kept))
  t.true((await repair(t, recorded, torn)).length > torn.length)
})

/** Opens the stream as an agent does that starts again; its bytes then. */
async function repair(t: ExecutionContext, recorded: RecordedDesktop, bytes: Buffer): Promise<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), 'tapedeck-torn-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  await writeFile(join(dir, 'screen.rfb.zst'), bytes)
  const sink = await openFileSink(dir)
  const stream = await ScreenStream.open({ ...streamOptions(sink, recorded.facts) })
  t.truthy(stream)
  await sink.close()
  const repaired = await readFile(sink.path)
  const verifier = new StreamVerifier(identities.farm.publicKey, crypto)
  verifier.push(repaired)
  const { problems, unproven } = verifier.finish()
  t.deepEqual({ problems, unproven }, { problems: [], unproven: undefined })
  return repaired
}
