import test from 'ava'
import { Twins } from '../../../node/ingest/twins.ts'
import { connectAgent } from './test-agent.ts'
import { startTestNode } from './test-node.ts'

function twin(alive: boolean) {
  const one = {
    ended: false,
    answers: async () => alive,
    terminate: () => {
      one.ended = true
    },
    refuse: () => {
      one.ended = true
    },
  }
  return one
}

test('the same run of an agent, or one whose old line is dead, takes its place', async (t) => {
  const twins = new Twins()
  const first = twin(true)
  await twins.admit(first, 'a', 'run-1')
  const again = twin(true)
  await twins.admit(again, 'a', 'run-1')
  t.true(first.ended)
  const dead = twin(false)
  await twins.admit(dead, 'b', 'run-1')
  await twins.admit(twin(true), 'b', 'run-2')
  t.true(dead.ended)
})

test('another living run is a clone, until the first has left', async (t) => {
  const twins = new Twins()
  const first = twin(true)
  await twins.admit(first, 'a', 'run-1')
  await t.throwsAsync(() => twins.admit(twin(true), 'a', 'run-2'), { code: 'clone' })
  t.false(first.ended)
  twins.left(first)
  await twins.admit(twin(true), 'a', 'run-2')
  t.pass()
})

test('two agents with one identity: the second is told so, the first is left alone', async (t) => {
  const node = await startTestNode(t)
  const first = await connectAgent(node.url, node.identities, { instance: 'run-1' })
  const second = await connectAgent(node.url, node.identities, { instance: 'run-2' })
  await second.until(() => second.closed !== undefined)
  t.is(second.errors()[0]!.code, 'clone')
  t.is(first.closed, undefined)
  // Its line is cut without a word: the next one finds nobody there.
  first.socket.pause()
  const third = await connectAgent(node.url, node.identities, { instance: 'run-2' })
  t.true(third.messages.some((message) => message.type === 'welcome'))
  first.socket.resume()
  await first.until(() => first.closed !== undefined)
})
