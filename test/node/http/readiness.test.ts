import test from 'ava'
import { openReadiness } from '../../../node/http/readiness.ts'

test('one look serves many who ask, for a second', async (t) => {
  let looks = 0
  const ready = openReadiness(async () => {
    looks += 1
    return undefined
  })
  await Promise.all([ready(), ready(), ready()])
  await ready()
  t.is(looks, 1)
})

test('a look that hangs is not begun again, and is unready', async (t) => {
  let looks = 0
  let answer: (code: string | undefined) => void = () => undefined
  const look = () => {
    looks += 1
    return new Promise<string | undefined>((resolve) => {
      answer = resolve
    })
  }
  const ready = openReadiness(look, { keptMs: 0, lookMs: 20 })
  for (let i = 0; i < 5; i++) t.is(await ready(), 'slow')
  t.is(looks, 1)
  const asked = ready()
  answer(undefined)
  t.is(await asked, undefined)
  const again = ready()
  answer('store-missing')
  t.is(await again, 'store-missing')
  t.is(looks, 2)
})

test('a catalog that is away is unready', async (t) => {
  const ready = openReadiness(() => Promise.reject(new Error('connection refused')))
  t.is(await ready(), 'catalog-away')
})
