import { readFile } from 'node:fs/promises'
import test from 'ava'
import sharp from 'sharp'
import { eventually } from '../../helpers/eventually.ts'
import { makeIdentities, makeStream, typingEvents } from '../../helpers/sample-stream.ts'
import { startTestNode, type TestNode } from '../../helpers/test-node.ts'

async function withRecording(
  t: Parameters<typeof startTestNode>[0],
): Promise<{ node: TestNode; base: string }> {
  const node = await startTestNode(t)
  const identities = makeIdentities(await readFile(node.config.farmKey, 'utf8'))
  const stream = await makeStream(identities, [typingEvents(20), 'gap', typingEvents(20, 100_000, 3_000_000)])
  const { status, json } = await node.ask('/api/recordings', { method: 'POST', body: stream.bytes })
  if (status !== 201) throw new Error(JSON.stringify(json))
  return { node, base: `/api/recordings/${stream.recording}` }
}

test('a look at a recording has its index made', async (t) => {
  const { node, base } = await withRecording(t)
  const index = await eventually(async () => {
    const { json } = await node.ask(`${base}/index`)
    if (json.state !== 'ready') throw new Error(JSON.stringify(json))
    return json
  })
  t.log(index)
  const poster = await node.ask(`${base}/poster`)
  t.is(poster.status, 200)
  t.is((await sharp(poster.bytes).metadata()).format, 'webp')
})
