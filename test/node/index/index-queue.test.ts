import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { IndexJob } from '../../../node/index/index-job.ts'
import { IndexQueue } from '../../../node/index/index-queue.ts'
import { makeStream, type SampleStream, sampleId, typingEvents } from '../../helpers/sample-stream.ts'
import { counting, identities, openTestStore, put } from './index-parts.ts'

// Many sessions at once: each is read once, however many take their turns between two of its frames.

const sessions = 80
const framesEach = 8

function streamsOf(count: number): Promise<SampleStream[]> {
  const frames = Array.from({ length: framesEach }, (_, i) => typingEvents(4, 100_000, i * 1_000_000))
  return Promise.all(
    Array.from({ length: count }, (_, i) => makeStream(identities, frames, { recording: sampleId(i) })),
  )
}

async function settle(t: ExecutionContext, queue: IndexQueue): Promise<void> {
  while (!queue.isEmpty) await queue.turn()
  t.pass()
}

test('sessions that take turns are read once, and their indexes are what one alone makes', async (t) => {
  const { folder, tools: plain } = await openTestStore(t)
  const { tools, read } = counting(plain)
  const streams = await streamsOf(sessions)
  const places = await Promise.all(
    streams.map(({ recording, bytes }) => put(plain, 'cast', recording, bytes)),
  )
  const troubles: unknown[] = []
  const queue = new IndexQueue(tools, {
    built: () => undefined,
    trouble: (recording, error) => void troubles.push({ recording, error }),
  })
  t.teardown(() => queue.close())
  for (let part = 0; part <= framesEach; part++) {
    for (const { recording, boundaries } of streams) queue.sealed(recording, 'cast', boundaries[part]!)
    await settle(t, queue)
  }
  t.deepEqual(troubles, [])
  const bytes = streams.reduce((sum, stream) => sum + stream.bytes.length, 0)
  // Once to be checked, once more the frames to be drawn, and again those of the poster.
  t.true(read.cast < bytes * 3, `${read.cast} of ${bytes} bytes`)

  const some = [0, 1, sessions >> 1, sessions - 1]
  for (const i of some) {
    const path = join(folder, `${places[i]!.path}.idx`)
    const grown = await readFile(path)
    const job = await IndexJob.open(plain, streams[i]!.recording, true)
    job.know('cast', streams[i]!.bytes.length)
    while (await job.step());
    await job.close()
    t.deepEqual(grown, await readFile(path))
  }
})
