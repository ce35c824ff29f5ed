import test from 'ava'
import { type Bus, openSilentBus } from '../../../node/bus/bus.ts'
import { openRedisBus } from '../../../node/bus/redis-bus.ts'
import { busContract } from '../../contract/bus.ts'
import { eventually } from '../../helpers/eventually.ts'
import { noRedis, openTestRedis } from '../../helpers/redis.ts'

const reason = noRedis()
const withRedis = reason ? test.skip : test
if (reason) test.skip(`redis: ${reason}`, () => undefined)

async function connected(buses: Bus[]): Promise<void> {
  await eventually(() => {
    if (buses.some((bus) => !bus.connected)) throw new Error('Not connected.')
  })
}

withRedis('redis: the contract of a bus', async (t) => {
  const { url } = await openTestRedis(t)
  const open = (farm: string) => openRedisBus({ url, farm, onState: () => undefined })
  const buses: [Bus, Bus, Bus] = [open('a'), open('a'), open('a')]
  const stranger = open('b')
  t.teardown(() => Promise.all([...buses, stranger].map((bus) => bus.close())))
  const overheard: string[] = []
  stranger.subscribe('greeting', () => void overheard.push('greeting'))
  await connected([...buses, stranger])
  await busContract(t, buses)
  t.deepEqual(overheard, [])
})

withRedis(
  'redis that dies and comes back: told, messages are dropped meanwhile, subscriptions return',
  async (t) => {
    const redis = await openTestRedis(t)
    const states: boolean[] = []
    const open = (onState: (now: boolean) => void) => openRedisBus({ url: redis.url, farm: 'a', onState })
    const [first, second] = [open((now) => states.push(now)), open(() => undefined)]
    t.teardown(() => Promise.all([first.close(), second.close()]))
    await connected([first, second])
    let heard = 0
    second.subscribe('x', () => {
      heard += 1
    })
    await redis.kill()
    await eventually(() => {
      if (first.connected) throw new Error('Still connected.')
    })
    first.publish('x', new Uint8Array(1))
    await redis.start()
    await connected([first, second])
    await eventually(() => {
      first.publish('x', new Uint8Array(1))
      if (heard === 0) throw new Error('Nothing heard.')
    })
    t.deepEqual(states.slice(0, 3), [true, false, true])
  },
)

test('a process alone says nothing and hears nothing', async (t) => {
  const bus = openSilentBus()
  bus.subscribe('x', () => t.fail())
  bus.publish('x', new Uint8Array(1))
  t.false(bus.connected)
  await bus.close()
})
