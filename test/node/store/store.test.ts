import { mkdir, mkdtemp, readdir, rename, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { farmIdOf } from '../../../codec/ed25519.ts'
import { concatBytes } from '../../../format/bytes.ts'
import { recordingPath } from '../../../format/recording-id.ts'
import { encodeLost } from '../../../node/store/lost-mark.ts'
import { openStore } from '../../../node/store/store.ts'
import { createStore, identityFile } from '../../../node/store/store-identity.ts'
import { eventually } from '../../helpers/eventually.ts'
import { crypto, makeIdentities, makeStream, sampleId, typingEvents } from '../../helpers/sample-stream.ts'

const identities = makeIdentities()
const farmKey = identities.farm.publicKey
const farm = farmIdOf(farmKey)

async function home(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tapedeck-store-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

async function setUp(t: ExecutionContext, count = 1) {
  const base = await home(t)
  const folders = Array.from({ length: count }, (_, i) => join(base, `f${i}`))
  for (const folder of folders) await createStore(folder, farm)
  const restore = join(base, 'restore')
  const store = await openStore({ folders, restore, farm, farmKey, crypto })
  return { base, folders, restore, store }
}

async function read(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return concatBytes(all)
}

test('folders are used in turn, and a recording stays where it lies', async (t) => {
  const { store, folders } = await setUp(t, 3)
  const places = []
  for (let i = 0; i < 6; i++) places.push(await store.place(sampleId(i)))
  t.is(new Set(places.map((place) => place.store)).size, 3)
  const file = await store.open(places[1]!, 'cast')
  await file.close()
  for (let i = 0; i < 4; i++) t.deepEqual(await store.place(sampleId(1)), places[1])
  t.regex(places[1]!.path, /^\d{4}\/\d{2}\/\d{2}\/[0-9a-f-]{36}$/)
  t.is((await store.check()).filter(({ error }) => error).length, 0)
  t.is(folders.length, 3)
})

test('ranges are read, and a restored copy is found when the file is not in its place', async (t) => {
  const { store, restore } = await setUp(t)
  const place = await store.place(sampleId())
  await t.throwsAsync(read(store.readRange(place, 'cast', 0, 9)), { code: 'not-found' })
  const file = await store.open(place, 'cast')
  const bytes = new Uint8Array(700_000).map((_, i) => i)
  await file.write([bytes], 0)
  await file.sync()
  await file.close()
  t.is(await store.size(place, 'cast'), bytes.length)
  t.deepEqual(await read(store.readRange(place, 'cast', 5, 600_005)), bytes.slice(5, 600_005))
  t.deepEqual(await read(store.readRange(place, 'cast', 699_999, 2 ** 40)), bytes.slice(699_999))
  await store.remove(place)
  await store.remove(place)
  t.is(await store.size(place, 'cast'), undefined)
  const copy = join(restore, `${place.path}.cast.zst`)
  await mkdir(dirname(copy), { recursive: true })
  await writeFile(copy, bytes)
  t.deepEqual(await read(store.readRange(place, 'cast', 0, 10)), bytes.slice(0, 10))
})

test('without its identity file a folder is not written, made or trusted', async (t) => {
  const { store, folders } = await setUp(t)
  const [folder = ''] = folders
  const place = await store.place(sampleId())
  await rename(join(folder, identityFile), join(folder, 'away'))
  await t.throwsAsync(store.place(sampleId()), { code: 'store-missing' })
  await t.throwsAsync(store.open(place, 'cast'), { code: 'store-missing' })
  await t.throwsAsync(store.size(place, 'cast'), { code: 'store-missing' })
  await t.throwsAsync(store.remove(place), { code: 'store-missing' })
  t.deepEqual(await readdir(folder), ['away'])
  t.is((await store.check())[0]!.error!.code, 'store-missing')
  await rename(join(folder, 'away'), join(folder, identityFile))
  await (await store.open(place, 'cast')).close()
})

test('a folder that is not there at the start is waited for; one of another farm is refused', async (t) => {
  const base = await home(t)
  const late = join(base, 'late')
  const store = await openStore({ folders: [late], farm, farmKey, crypto })
  await t.throwsAsync(store.place(sampleId()), { code: 'store-missing' })
  await createStore(late, farm)
  const place = await store.place(sampleId())
  await unlink(join(late, identityFile))
  await createStore(late, 'another')
  await t.throwsAsync(store.open(place, 'cast'), { code: 'store-farm' })
})

test('two folders may change their mount points', async (t) => {
  const { store, folders, base } = await setUp(t, 2)
  const place = await store.place(sampleId())
  await (await store.open(place, 'cast')).close()
  const [a = '', b = ''] = folders
  await rename(a, join(base, 'x'))
  await rename(b, a)
  await rename(join(base, 'x'), b)
  t.is(await store.size(place, 'cast'), 0)
})

test('a place that is no recording path is refused', async (t) => {
  const { store } = await setUp(t)
  const { store: id } = await store.place(sampleId())
  for (const path of ['../../etc/passwd', `../${recordingPath(sampleId())}`, '', `2020/01/01/${sampleId()}`])
    await t.throwsAsync(store.open({ store: id, path }, 'cast'), { code: 'place' })
  await t.throwsAsync(store.open({ store: 'unknown', path: recordingPath(sampleId()) }, 'cast'), {
    code: 'store-missing',
  })
})

test('the frame table is read from the file, the unsealed tail last', async (t) => {
  const { store } = await setUp(t)
  const made = await makeStream(identities, [typingEvents(30), 'gap', typingEvents(30, 1000, 9_000_000)])
  const place = await store.place(made.recording)
  const cut = made.boundaries[2]! - 100
  const file = await store.open(place, 'cast')
  await file.write([made.bytes.subarray(0, cut)], 0)
  await file.close()
  const { size, frames } = await store.frames(place, 'cast')
  t.is(size, cut)
  t.deepEqual(
    frames.map(({ kind, sealed }) => [kind, sealed]),
    [
      ['frame', true],
      ['gap', true],
      ['frame', false],
    ],
  )
  t.is(frames.at(-1)!.offset + frames.at(-1)!.size, cut)
})

test('a file that has not changed is scanned once, one that has is scanned again', async (t) => {
  const { store } = await setUp(t)
  const made = await makeStream(identities, [typingEvents(30), typingEvents(30, 1000, 9_000_000)])
  const place = await store.place(made.recording)
  const file = await store.open(place, 'cast')
  await file.write([made.bytes.subarray(0, made.boundaries[0])], 0)
  const first = await store.frames(place, 'cast')
  t.is(await store.frames(place, 'cast'), first)
  await file.write([made.bytes.subarray(made.boundaries[0])], made.boundaries[0]!)
  const whole = await store.frames(place, 'cast')
  t.deepEqual(
    whole.frames.map(({ kind, sealed }) => [kind, sealed]),
    [
      ['frame', true],
      ['frame', true],
      ['end', true],
    ],
  )
  // Of the same size, in the first frame's BODY; again until the clock of the file system has gone on.
  await eventually(async () => {
    await file.write([new Uint8Array([1, 2, 3])], whole.frames[0]!.bodyOffset! + 40)
    if ((await store.frames(place, 'cast')).frames[0]?.sealed) throw new Error('as it was before')
  })
  await file.close()
})

test('of two LOST marks one is written, and it is withdrawn', async (t) => {
  const { store, folders } = await setUp(t)
  const place = await store.place(sampleId())
  const mark = encodeLost({ recording: sampleId(), offset: 10, sinceMs: 5 }, identities.farm)
  const made = await Promise.all([store.markLost(place, mark), store.markLost(place, mark)])
  t.deepEqual(made.sort(), [false, true])
  const path = join(folders[0]!, `${place.path}.farm`)
  t.is((await stat(path)).size, mark.length)
  t.deepEqual(await readdir(dirname(path)), [`${sampleId()}.farm`])
  await store.withdrawLost(place)
  await store.withdrawLost(place)
  await t.throwsAsync(stat(path), { code: 'ENOENT' })
})
