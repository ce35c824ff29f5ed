import test from 'ava'
import { sizeOfFarm } from '../../appliance/size-of-farm.ts'
import { temporaryFolder } from '../helpers/test-node.ts'
import { run } from '../helpers/up.ts'

/** The most that a line of the original's table stands for. */
const of = (sessions: number, megabytes: number) =>
  sizeOfFarm({ sessions, megabytes, hours: 1, months: 1, events: 0, nodeMbPerS: 20 })

test('the table of the original comes out', (t) => {
  t.like(of(1_000, 6.37), { diskTbWhole: 2, nodes: 1 })
  t.like(of(4_000, 6.37), { diskTbWhole: 6, nodes: 1 })
  t.like(of(4_000, 10), { diskTbWhole: 10, nodes: 2 })
})

test('rate, disk and database follow from the sessions', (t) => {
  const size = sizeOfFarm({ sessions: 3600, megabytes: 8, hours: 4, months: 12, events: 100, nodeMbPerS: 1 })
  // 3600 sessions of 8 MB in 4 h.
  t.is(size.mbPerS, 2)
  // Half of 1 MB/s each.
  t.is(size.nodes, 4)
  t.is(size.recordingsADay, 7200)
  t.is(size.diskTb, (2 * 3600 * 8 * 23 * 12 * 1.3) / 1024 ** 2)
  t.is(size.transactionsPerS, 0.25 * 104)
  t.is(size.databaseGb, (7200 * 23 * 12 * 101) / 1024 ** 2)
})

test('the command measures a folder when asked, and leaves nothing there', async (t) => {
  const folder = await temporaryFolder(t)
  const args = ['size', '--sessions', '100', '--mb', '10', '--hours', '1', '--measure', folder, '--json']
  const { status, stdout } = await run('./tapedeck', args)
  t.is(status, 0)
  const { nodeMbPerS, nodes } = JSON.parse(stdout.toString())
  t.true(nodeMbPerS > 0)
  t.true(nodes >= 1)
  t.is((await run('ls', ['-A', folder])).stdout.toString(), '')
  t.regex((await run('./tapedeck', ['size', '--sessions', '0'])).stderr, /from 1 to/)
})
