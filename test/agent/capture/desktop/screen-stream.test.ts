import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { ScreenStream } from '../../../../agent/capture/desktop/screen-stream.ts'
import { UpdateBlock } from '../../../../format/fbs.ts'
import { encoding } from '../../../../format/rfb-reader.ts'
import { type FileSink, openFileSink } from '../../../helpers/file-sink.ts'
import { streamOptions } from '../../../helpers/recorded-desktop.ts'
import { facts } from '../../../helpers/sample-stream.ts'

const screen = { width: 256, height: 128, name: 'ward' }
const minuteMs = 60_000

async function open(t: ExecutionContext): Promise<{ stream: ScreenStream; sink: FileSink }> {
  const dir = await mkdtemp(join(tmpdir(), 'tapedeck-stream-'))
  const sink = await openFileSink(dir)
  t.teardown(async () => {
    await sink.close()
    await rm(dir, { recursive: true, force: true })
  })
  return { stream: (await ScreenStream.open(streamOptions(sink, facts)))!, sink }
}

/** One picture of the whole screen, 128 KiB. */
async function paint(stream: ScreenStream, timeUs: number): Promise<void> {
  const block = new UpdateBlock()
  block.add({ x: 0, y: 0, ...screen }, encoding.raw, screen.width * screen.height * 4).fill(timeUs & 0xff)
  await stream.write(block.close(timeUs / 1000), timeUs)
}

test('a frame ends after a minute when a picture has changed in it, a quiet one after ten', async (t) => {
  const { stream } = await open(t)
  await stream.begin(screen, 0, 0)
  await paint(stream, 0)
  t.false(stream.isDue(20 * minuteMs), 'not before its picture is whole')
  stream.pictureIsWhole()
  t.false(stream.isDue(minuteMs))
  t.true(stream.isDue(10 * minuteMs))
  // More than the first one and the handshake before it.
  for (let i = 0; i < 2; i++) await paint(stream, 1_000_000)
  t.false(stream.isDue(minuteMs - 1))
  t.true(stream.isDue(minuteMs))
  for (let i = 0; i < 48 * 8; i++) await paint(stream, 2_000_000)
  t.true(stream.isDue(3000), '48 MiB')
  await stream.seal()
})

test('a frame whose picture never became whole leaves nothing, one that has it is durable at a flush', async (t) => {
  const { stream, sink } = await open(t)
  await stream.begin(screen, 0, 0)
  await paint(stream, 0)
  await stream.flush()
  t.is(sink.durable, 0)
  await stream.leave()
  t.true(stream.isEmpty)
  t.is((await sink.tail()).length, 0)
  await stream.begin(screen, 1_000_000, 0)
  await paint(stream, 1_000_000)
  stream.pictureIsWhole()
  await stream.flush()
  t.true(sink.durable > 0)
  t.false(stream.isDirty)
  await stream.leave()
  t.is(sink.state.frame, 1)
  t.is(sink.state.written[0]!.endUs, 1_000_000)
})
