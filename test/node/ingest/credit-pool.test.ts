import test from 'ava'
import fc from 'fast-check'
import { ChannelCredit, CreditPool } from '../../../node/ingest/credit-pool.ts'

const mib = 1024 * 1024

test('one busy channel gets its whole window, an idle one holds little', (t) => {
  const pool = new CreditPool(256 * mib, mib)
  const busy = new ChannelCredit(pool, () => undefined)
  let window = busy.renew(0)
  for (let i = 0; i < 10; i++) window = busy.renew(window)
  t.is(window, mib)
  const idle = new ChannelCredit(pool, () => undefined)
  t.true(idle.renew(0) <= 16 * 1024)
  busy.close()
  idle.close()
  t.is(pool.reservedBytes, 0)
})

test('thousands that hang leave a newcomer a share, and the pool is never overdrawn', (t) => {
  const pool = new CreditPool(256 * mib, mib)
  for (let i = 0; i < 1000; i++) {
    const credit = new ChannelCredit(pool, () => undefined)
    for (let k = 0, held = credit.renew(0); k < 8; k++) held = credit.renew(held)
  }
  t.true(pool.reservedBytes <= 256 * mib)
  t.true(new ChannelCredit(pool, () => undefined).renew(0) >= 4096)
})

test('who gets nothing is woken when something is released', (t) => {
  const pool = new CreditPool(100, mib)
  const first = new ChannelCredit(pool, () => undefined)
  t.is(first.renew(0), 100)
  let woken = 0
  const second = new ChannelCredit(pool, () => {
    woken += 1
  })
  t.is(second.renew(0), 0)
  first.close()
  t.is(woken, 1)
  t.is(second.renew(0), 100)
})

test('however channels come, use and go, what is reserved is what they hold', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(100_000)), { maxLength: 200 }), (steps) => {
      const pool = new CreditPool(300_000, 50_000)
      const channels = Array.from({ length: 10 }, () => ({
        credit: new ChannelCredit(pool, () => undefined),
        held: 0,
      }))
      for (const [index, used] of steps) {
        const channel = channels[index]!
        const left = channel.held - Math.min(used, channel.held)
        channel.held = channel.credit.renew(used)
        t.true(channel.held >= left)
        t.is(
          pool.reservedBytes,
          channels.reduce((sum, { held }) => sum + held, 0),
        )
        t.true(pool.reservedBytes <= 300_000)
      }
    }),
  )
})
