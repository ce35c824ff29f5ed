import { writeFile } from 'node:fs/promises'
import test from 'ava'
import type { RecordingRow } from '../../../node/catalog/schema.ts'
import { indexedFrames } from '../../../node/http/indexed-frames.ts'
import { IndexJob } from '../../../node/index/index-job.ts'
import { IndexTables } from '../../../node/index/index-tables.ts'
import type { Indexer } from '../../../node/index/indexer.ts'
import { makeStream, typingEvents } from '../../helpers/sample-stream.ts'
import { counting, identities, openIndexing, spoil } from './index-parts.ts'

// What looks at an index read of it: once what is there, and whatever became of it since.

const frames = Array.from({ length: 30 }, (_, i) => typingEvents(20, 100_000, i * 3_000_000))

test('an index that grows is read once by all looks at it', async (t) => {
  const stream = await makeStream(identities, frames)
  const indexing = await openIndexing(t, stream)
  const { tools, read } = counting(indexing.tools)
  const tables = new IndexTables(tools.store, tools.mac)
  const job = await IndexJob.open(indexing.tools, indexing.recording, false)
  for (const boundary of stream.boundaries) {
    job.know('cast', boundary)
    while (await job.step());
    // Two at once, as a list and a player may.
    const [one, other] = await Promise.all([tables.read(indexing.place), tables.read(indexing.place)])
    t.deepEqual(one, await indexing.table())
    t.deepEqual(other, one)
  }
  await job.close()
  const { length } = await indexing.bytes()
  // Each look reads the last block again, and looks for a trailer.
  t.true(read.idx < length * 6, `${read.idx} of ${length} bytes`)
  read.idx = 0
  await tables.read(indexing.place)
  t.true(read.idx < 1000, `${read.idx} bytes of a finished index that was read before`)
})

test('an index that was replaced, cut or damaged meanwhile is read as it is', async (t) => {
  const stream = await makeStream(identities, frames)
  const indexing = await openIndexing(t, stream)
  const tables = new IndexTables(indexing.tools.store, indexing.tools.mac)
  const shown = () => tables.read(indexing.place)
  await indexing.build({ sealed: stream.boundaries[9]! })
  const partial = await indexing.bytes()
  t.is((await shown())!.frames.length, 10)
  await indexing.build({ again: true, sealed: stream.boundaries[4]! })
  t.is((await shown())!.frames.length, 5)
  await indexing.build()
  t.is((await shown())!.frames.length, frames.length + 1)
  await writeFile(indexing.path, partial)
  t.is((await shown())!.frames.length, 10)
  await spoil(indexing, (bytes) => {
    bytes[Math.floor(bytes.length / 2)]! ^= 1
    return bytes
  })
  t.is((await shown())!.frames.length, 10, 'what was good when it was read stays so')
  await spoil(indexing, (bytes) => bytes.subarray(0, bytes.length >> 2))
  t.deepEqual(await shown(), await indexing.table())
  await indexing.build({ again: true })
  t.deepEqual(await shown(), await indexing.table())
})

test('frames of what has no whole index are those of the file, without reading all of it', async (t) => {
  const stream = await makeStream(identities, frames, { end: false })
  const indexing = await openIndexing(t, { ...stream, bytes: stream.bytes.subarray(0, -200) })
  const { tools, read } = counting(indexing.tools)
  const { place } = indexing
  const tables = new IndexTables(tools.store, tools.mac)
  const indexer = { table: (at) => tables.read(at) } as Pick<Indexer, 'table'> as Indexer
  const row = { ...place } as RecordingRow
  const table = async () => {
    const found = await indexedFrames({ indexer, store: tools.store }, row, 'cast')
    return (
      found && {
        size: found.size,
        offsets: found.frames.map(({ offset, size, sealed }) => [offset, size, sealed]),
      }
    )
  }
  const wanted = await tools.store.frames(place, 'cast')
  t.is(wanted.frames.at(-1)!.sealed, false)
  t.is(await table(), undefined)
  await indexing.build({ sealed: stream.boundaries.at(-3)! })
  t.is(
    await table(),
    undefined,
    'a sealed frame is not indexed yet, and only its reader can say that it is right',
  )
  await indexing.build({ sealed: stream.boundaries.at(-2)! })
  read.cast = 0
  t.deepEqual(await table(), {
    size: wanted.size,
    offsets: wanted.frames.map(({ offset, size, sealed }) => [offset, size, sealed]),
  })
  t.true(read.cast < stream.bytes.length / 10)
})
