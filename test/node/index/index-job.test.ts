import { copyFile, writeFile } from 'node:fs/promises'
import test, { type ExecutionContext } from 'ava'
import { IndexScanner } from '../../../format/index-block.ts'
import { IndexJob } from '../../../node/index/index-job.ts'
import { readIndexBlock } from '../../../node/index/read-index.ts'
import { readPicture } from '../../../node/index/read-picture.ts'
import { seededRandom, seedOfRun } from '../../helpers/random.ts'
import { makeStream, sampleId, typingEvents } from '../../helpers/sample-stream.ts'
import { killingFrames } from '../../web/hostile-recordings.ts'
import { type Indexing, identities, openIndexing, spoil } from './index-parts.ts'

// An index is the same however it came to be, is believed only where it is good, and takes hostile output as it comes.

const frames = [
  typingEvents(40),
  'gap' as const,
  typingEvents(300, 20_000, 5_000_000),
  typingEvents(60, 1_000_000, 20_000_000),
]
const typed = () => makeStream(identities, frames)

async function pictures({ tools, place, table }: Indexing): Promise<(Uint8Array | undefined)[]> {
  const found = (await table())?.pictures ?? []
  return Promise.all(found.map((picture) => readPicture(tools, place, picture)))
}

test('as data arrives, at once, and anew: the same bytes', async (t) => {
  const stream = await typed()
  const [grown, made] = [await openIndexing(t, stream), await openIndexing(t, stream)]
  const job = await IndexJob.open(grown.tools, grown.recording, false)
  for (const boundary of stream.boundaries) {
    await job.know('cast', boundary)
    while (await job.step());
    // What is sealed can be sought to at once.
    const frames = (await grown.table())!.frames.filter(({ kind }) => kind === 'frame')
    t.is(frames.length, stream.boundaries.filter((at) => at <= boundary && !isGapOrEnd(stream, at)).length)
  }
  t.true(job.done)
  await job.close()
  await made.build()
  const bytes = await made.bytes()
  t.deepEqual(await grown.bytes(), bytes)
  await made.build({ again: true })
  t.deepEqual(await made.bytes(), bytes)
  // One that is finished is not written on.
  await made.build()
  t.deepEqual(await made.bytes(), bytes)
  const table = (await made.table())!
  t.deepEqual(
    table.images.map(({ use }) => use),
    ['poster'],
  )
  t.is(table.sizes.cast, stream.bytes.length)
})

// The second part is the gap, the last one the end.
function isGapOrEnd({ boundaries }: { boundaries: number[] }, at: number): boolean {
  return at === boundaries[1] || at === boundaries.at(-1)
}

test('one that was cut off is gone on with, and ends the same', async (t) => {
  const stream = await typed()
  const whole = await openIndexing(t, stream)
  await whole.build()
  const ends = async (indexing: Indexing) => {
    return { table: await indexing.table(), bytes: await indexing.bytes(), shown: await pictures(indexing) }
  }
  const end = await ends(whole)
  const random = seededRandom(seedOfRun())
  for (let i = 0; i < 8; i++) {
    const cut = await openIndexing(t, stream)
    await cut.build()
    await spoil(cut, (all) => all.subarray(0, Math.floor(random() * all.length)))
    await cut.build()
    t.deepEqual(await ends(cut), end)
  }
  const half = await openIndexing(t, stream)
  await half.build({ sealed: stream.boundaries[1]! })
  await half.build()
  t.deepEqual(await ends(half), end)
})

test('a changed byte anywhere: its block is not there, and all others count', async (t) => {
  const indexing = await openIndexing(t, await typed())
  await indexing.build()
  const { tools, place } = indexing
  const good = await indexing.bytes()
  const table = (await indexing.table())!
  const shown = await pictures(indexing)
  const blocks = [...new IndexScanner(indexing.recording, tools.mac).push(good)]
  const [image] = table.images
  const random = seededRandom(seedOfRun())
  const flipped = (bytes: Buffer, at: number) => {
    const bad = Buffer.from(bytes)
    bad[at]! ^= 1 << Math.floor(random() * 8)
    return bad
  }
  for (const { kind, offset, size } of blocks)
    for (let i = 0; i < 6; i++) {
      const at = offset + Math.floor(random() * size)
      const about = `byte ${at} of the ${kind} at ${offset}`
      await spoil(indexing, () => flipped(good, at))
      const found = (await indexing.table())!
      // Who reads table and trailer reads no other block; without them, all others say the same.
      const isRead = kind === 'table' || kind === 'trailer'
      t.deepEqual(found, isRead ? { ...table, sizes: {} } : table, about)
      const seen = await pictures(indexing)
      for (const [n, picture] of found.pictures.entries())
        if (kind === 'picture' && picture.at === offset) t.is(seen[n], undefined, about)
        else t.deepEqual(seen[n], shown[n], about)
      const poster = await readIndexBlock(tools.store, place, tools.mac, image!.at)
      t.is(poster === undefined, kind === 'image', about)
    }
  // As a session that runs has it, which is read block by block.
  const growing = good.subarray(0, blocks.find(({ kind }) => kind === 'table')!.offset)
  for (const { kind, offset, size } of blocks.filter(({ offset }) => offset < growing.length)) {
    await spoil(indexing, () => flipped(growing, offset + Math.floor(random() * size)))
    const found = await indexing.table()
    const before = blocks.filter((block) => block.kind === 'frame' && block.offset < offset)
    t.deepEqual(found?.frames ?? [], table.frames.slice(0, before.length), `the ${kind} at ${offset}`)
    await indexing.build()
    t.deepEqual(await indexing.bytes(), good)
  }
  await writeFile(indexing.path, Buffer.alloc(100_000, 0x50))
  t.is(await indexing.table(), undefined)
  await indexing.build()
  t.deepEqual(await indexing.bytes(), good)
})

test("another recording's index, and a good block in another place, are not believed", async (t) => {
  const [one, other] = [await openIndexing(t, await typed()), await openIndexing(t, await otherStream())]
  await one.build()
  await other.build()
  const { at, size } = (await one.table())!.pictures[0]!
  await copyFile(other.path, one.path)
  t.is(await one.table(), undefined)
  await one.build({ again: true })
  await spoil(one, (all) => Buffer.concat([all, all.subarray(at, at + size)]))
  const moved = (await one.bytes()).length - size
  t.is(await readIndexBlock(one.tools.store, one.place, one.tools.mac, moved), undefined)
})

function otherStream() {
  return makeStream(identities, [typingEvents(30)], { recording: sampleId(2) })
}

test('output that hangs or bloats an emulator is indexed like any other, and what follows it is right', async (t) => {
  const hostile = killingFrames()
  const indexing = await openIndexing(t, await makeStream(identities, hostile))
  await indexing.build()
  const table = (await indexing.table())!
  t.is(table.frames.filter(({ kind }) => kind === 'frame').length, hostile.length)
  t.true(table.images.some(({ use }) => use === 'poster'))
  await isBounded(t, indexing)
})

async function isBounded(t: ExecutionContext, indexing: Indexing): Promise<void> {
  const { frames, pictures: kept } = (await indexing.table())!
  const rawBytes = frames.reduce((sum, frame) => sum + (frame.rawBytes ?? 0), 0)
  t.true((await indexing.bytes()).length < rawBytes / 4, 'an index is small beside its recording')
  t.true(kept.length < frames.length + rawBytes / (512 * 1024))
}
