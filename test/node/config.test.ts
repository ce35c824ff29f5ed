import test from 'ava'
import { ConfigError, parseNodeConfig } from '../../node/config.ts'

const base = { stores: ['recordings'] }
const problems = (value: object) =>
  refusal(() => parseNodeConfig({ ...base, ...value }, '/home/tapedeck')).problems.map(({ path }) => path)

function refusal(run: () => unknown): ConfigError {
  try {
    run()
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('It was accepted.')
}

test('a node of a farm names its balancers and the ports they use', (t) => {
  const farm = {
    balancers: ['192.0.2.1', '2001:db8::1'],
    proxyPort: 8444,
    plainPort: 8080,
    agentPort: 1801,
    agentCheckPort: 1802,
  }
  t.like(parseNodeConfig({ ...base, ...farm }, '/home/tapedeck'), farm)
  const alone = parseNodeConfig(base, '/home/tapedeck')
  t.deepEqual(alone.balancers, [])
  t.false('proxyPort' in alone)
})

test('every wrong setting is told at once', (t) => {
  t.deepEqual(problems({ balancers: ['lb-1', 7], proxyPort: 70_000, agentPort: 'x' }), [
    'balancers[0]',
    'balancers[1]',
    'proxyPort',
    'agentPort',
  ])
  t.deepEqual(problems({ balancers: '192.0.2.1' }), ['balancers'])
})

test('a port for balancers needs to know them; one for agents does not', (t) => {
  t.deepEqual(problems({ proxyPort: 1, plainPort: 2, agentPort: 3, agentCheckPort: 4 }), [
    'proxyPort',
    'plainPort',
    'agentCheckPort',
  ])
})
