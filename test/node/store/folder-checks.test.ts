import test from 'ava'
import { FolderChecks } from '../../../node/store/folder-checks.ts'

test('a folder that hangs is slow, and looked at by one call however often it is asked for', async (t) => {
  let looks = 0
  const hung = Promise.withResolvers<string>()
  const checks = new FolderChecks(() => {
    looks += 1
    return hung.promise
  })
  for (const { error } of await Promise.all([checks.look('/share'), checks.look('/share')]))
    t.is(error?.code, 'store-slow')
  t.is(looks, 1)
  const waiting = checks.look('/share')
  hung.resolve('the-store')
  t.deepEqual(await waiting, { path: '/share', store: 'the-store' })
  t.deepEqual(await checks.look('/share'), { path: '/share', store: 'the-store' })
  t.is(looks, 2)
})

test('what a look ends with is said by its code', async (t) => {
  const checks = new FolderChecks(async () => {
    throw Object.assign(new Error('gone'), { code: 'ENOTCONN' })
  })
  t.is((await checks.look('/share')).error?.code, 'store-missing')
})
