import { readFile } from 'node:fs/promises'
import test from 'ava'
import { agentMetrics } from '../../../appliance/agent-metrics.ts'
import { homePaths } from '../../../appliance/home.ts'
import { eventually } from '../../helpers/eventually.ts'
import { startTestNode } from '../../helpers/test-node.ts'
import { startUp } from '../../helpers/up.ts'

const named = async (prefix: RegExp) => {
  const text = await readFile(new URL('../../../docs/operate.md', import.meta.url), 'utf8')
  return [...new Set(text.match(/\btapedeck_[a-z_]+/g))].filter((name) => prefix.test(name))
}

test('what docs/operate.md names to watch is there, each with a value', async (t) => {
  const node = await startTestNode(t)
  const { text } = await node.ask('/metrics', { as: 'nobody' })
  const names = await named(/^tapedeck_(?!agent_)/)
  t.true(names.length > 10)
  for (const name of names) t.regex(text, new RegExp(`^${name}\\{[^}]*\\} [0-9]`, 'm'), name)
  // And nothing of ours is left unsaid.
  for (const name of text.match(/^tapedeck_[a-z_]+/gm)!) t.true(names.includes(name), name)
})

test('an agent says on its command how it is, also when it is not there', async (t) => {
  const up = await startUp()
  t.teardown(() => up.stop())
  const text = await eventually(async () => {
    const said = await agentMetrics(homePaths(up.home))
    if (!/^tapedeck_agent_up 1$/m.test(said)) throw new Error('the agent is starting')
    return said
  })
  // Logins are those of a whole host.
  for (const name of await named(/^tapedeck_agent_/))
    if (name !== 'tapedeck_agent_unrecorded_logins') t.regex(text, new RegExp(`^${name} [0-9]`, 'm'), name)
  t.regex(await agentMetrics(homePaths('/nonexistent')), /^tapedeck_agent_up 0$/m)
})
