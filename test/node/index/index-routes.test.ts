import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import test from 'ava'
import sharp from 'sharp'
import { indexKey, openMac } from '../../../codec/mac.ts'
import { IndexScanner } from '../../../format/index-block.ts'
import { recordingPath } from '../../../format/recording-id.ts'
import { eventually } from '../../helpers/eventually.ts'
import { type NodeProgram, startNodeProgram } from '../../helpers/node-program.ts'
import { seededRandom } from '../../helpers/random.ts'
import { makeIdentities, makeStream, type SampleFrame, typingEvents } from '../../helpers/sample-stream.ts'
import { type ReachedNode, startTestNode, type TestAnswer } from '../../helpers/test-node.ts'

// An index as the API has it: made when somebody looks, made anew when asked, over what happens to nodes and files.

function imported(node: ReachedNode): Promise<{ base: string; idx: string }> {
  return importedFrames(node, [typingEvents(20), 'gap', typingEvents(20, 100_000, 3_000_000)])
}

async function importedFrames(
  node: ReachedNode,
  frames: SampleFrame[],
): Promise<{ base: string; idx: string }> {
  const identities = makeIdentities(await readFile(node.config.farmKey, 'utf8'))
  const { bytes, recording } = await makeStream(identities, frames)
  const { status, json } = await node.ask('/api/recordings', { method: 'POST', body: bytes })
  if (status !== 201) throw new Error(JSON.stringify(json))
  return {
    base: `/api/recordings/${recording}`,
    idx: join(node.config.stores[0]!, `${recordingPath(recording)}.idx`),
  }
}

function ready(node: ReachedNode, base: string): Promise<TestAnswer['json']> {
  return eventually(
    async () => {
      const { json } = await node.ask(`${base}/index`)
      if (json.state !== 'ready') throw new Error(JSON.stringify(json))
      return json
    },
    { timeoutMs: 60_000 },
  )
}

test('a look at a recording has its index made, and one that is damaged is made again', async (t) => {
  const node = await startTestNode(t)
  const { base, idx } = await imported(node)
  const index = await ready(node, base)
  t.is(index.pictures.length, 2)
  const poster = await node.ask(`${base}/poster`)
  t.is(poster.status, 200)
  t.is((await sharp(poster.bytes).metadata()).format, 'webp')
  const again = await node.ask(`${base}/poster`, {
    headers: { 'if-none-match': String(poster.headers.etag) },
  })
  t.is(again.status, 304)

  const good = await readFile(idx)
  for (const bad of [good.subarray(0, 100), Buffer.alloc(4096, 7), Buffer.alloc(0)]) {
    await writeFile(idx, bad)
    t.deepEqual(await ready(node, base), index)
    t.is((await node.ask(`${base}/poster`)).status, 200)
  }
})

test('made anew by one of several workers: all of them say when it is ready, and the same', async (t) => {
  const workers = 3
  const node = await startNodeProgram(t, { workers })
  const { base, idx } = await imported(node)
  // Connections are dealt out in turn: these go to every worker, and none of them is still at it.
  const everywhere = () =>
    eventually(async () => {
      const answers: TestAnswer['json'][] = []
      for (let i = 0; i < workers; i++) answers.push((await node.ask(`${base}/index`)).json)
      const late = answers.find(({ state }) => state !== 'ready')
      if (late) throw new Error(JSON.stringify(late))
      return answers
    })
  const first = await ready(node, base)
  for (const answer of await everywhere()) t.deepEqual(answer, first)
  const before = await readFile(idx)
  t.is((await node.ask(`${base}/index`, { method: 'POST' })).status, 202)
  for (let i = 0; i < 6; i++) t.deepEqual(await ready(node, base), first)
  for (const answer of await everywhere()) t.deepEqual(answer, first)
  t.deepEqual(await readFile(idx), before)
})

test('a node killed while it makes an index goes on with it when it is back, and ends the same', async (t) => {
  const killed = await startNodeProgram(t)
  const { base, idx } = await importedColours(killed)
  await killed.ask(`${base}/index`)
  const short = await eventually(
    async () => {
      const { length } = await readFile(idx)
      if (length < 1024 * 1024) throw new Error(`${length} bytes`)
      return kill(killed).then(() => readFile(idx))
    },
    { everyMs: 5 },
  )
  const mac = openMac(indexKey(killed.farm))
  const kinds = [...new IndexScanner(basename(idx, '.idx'), mac).push(short)].map(({ kind }) => kind)
  t.true(kinds.includes('frame'))
  t.false(kinds.includes('table'), 'it was killed when all was made: more output is needed')

  const node = await startNodeProgram(t, {}, killed.home)
  await ready(node, base)
  const made = await readFile(idx)
  t.deepEqual(made.subarray(0, short.length), short, 'what there was is good')
  t.is((await node.ask(`${base}/index`, { method: 'POST' })).status, 202)
  await ready(node, base)
  t.deepEqual(await readFile(idx), made)
  t.is((await node.ask(`${base}/poster`)).status, 200)
})

/** Screens full of colours: their pictures are many times a megabyte. */
async function importedColours(node: ReachedNode): Promise<{ base: string; idx: string }> {
  const random = seededRandom(1)
  const part = () => Math.floor(random() * 256)
  const screen = () =>
    Array.from({ length: 24 * 79 }, () => `\u001b[38;2;${part()};${part()};${part()}mx`).join('')
  const screens = Array.from({ length: 20 }, screen)
  const frames = Array.from({ length: 300 }, (_, i) => [
    { timeUs: i * 1_000_000, code: 'o', data: `\u001b[H${screens[i % screens.length]}` },
  ])
  return importedFrames(node, frames)
}

async function kill(node: NodeProgram): Promise<void> {
  node.signal('SIGKILL')
  await node.exit
}
