import { randomBytes } from 'node:crypto'
import test from 'ava'
import { makeStream, sampleId } from '../helpers/sample-stream.ts'
import { until } from '../helpers/test-node.ts'
import { openMessage, sendStream } from '../node/ingest/test-agent.ts'
import { lacks } from './programs.ts'
import { startTestFarm } from './test-farm.ts'

test('new sources go to the node that takes in the fewest bytes a second', async (t) => {
  if (await lacks(t, 'haproxy')) return
  const farm = await startTestFarm(t)
  const [balancer] = farm.balancers
  const heavy = await farm.agent({ from: farm.client() })
  // 9 MB that zstd cannot make smaller.
  const noise = Array.from({ length: 9 }, (_, i) => [
    { timeUs: i * 1000, code: 'o' as const, data: randomBytes(750_000).toString('latin1') },
  ])
  const recording = sampleId(7)
  const stream = await makeStream(farm.identities, noise, { recording })
  await sendStream(heavy.agent, openMessage(recording), stream.bytes)
  const weights = async () =>
    new Map((await balancer!.status()).nodes.map(({ node, weight }) => [node, weight]))
  await until(async () => (await weights()).get(heavy.node)! < 40)
  const others = [...(await weights())].filter(([node]) => node !== heavy.node)
  t.deepEqual(
    others.map(([, weight]) => weight),
    [100],
  )
  // By connections alone, one against none, one, two, the third would go to the heavy one.
  for (let i = 0; i < 3; i++) t.is((await farm.agent({ from: farm.client() })).node, others[0]![0])
})
