import { chmod, chown, lstat, mkdir, readlink, rm, stat, symlink } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { makeRunFolder } from '../../../agent/capture/run-folder.ts'
import { temporaryFolder } from '../../helpers/test-node.ts'

/** With what it put into shared memory removed afterwards. */
async function runFolder(t: ExecutionContext, home: string): Promise<string> {
  const run = await makeRunFolder(home)
  const target = await readlink(run).catch(() => undefined)
  if (target) t.teardown(() => rm(target, { recursive: true, force: true }))
  return run
}

test('a link into memory, the same at every start, of its user alone', async (t) => {
  const home = await temporaryFolder(t)
  const run = await runFolder(t, home)
  t.is(run, join(home, 'run'))
  const target = await readlink(run)
  t.regex(target, /^\/dev\/shm\/tapedeck-\d+-/)
  t.is((await stat(run)).mode & 0o777, 0o700)
  await runFolder(t, home)
  t.is(await readlink(run), target)
  const other = await runFolder(t, await temporaryFolder(t))
  t.not(await readlink(other), target)
})

test('after a reboot the folder is made again; a stranger’s in its place is not used', async (t) => {
  const home = await temporaryFolder(t)
  const run = await runFolder(t, home)
  const target = await readlink(run)
  await rm(target, { recursive: true })
  await runFolder(t, home)
  t.is(await readlink(run), target)
  await chmod(target, 0o777)
  await runFolder(t, home)
  t.not(await readlink(run), target)
  if (userInfo().uid !== 0) return
  const foreign = join(home, 'foreign')
  await mkdir(foreign, { mode: 0o700 })
  await chown(foreign, 65_534, 65_534)
  await rm(run)
  await symlink(foreign, run)
  await runFolder(t, home)
  t.not(await readlink(run), foreign)
})

test('a plain folder that a recorder made is used; a plain one of others is refused', async (t) => {
  const home = await temporaryFolder(t)
  await mkdir(join(home, 'run'), { mode: 0o700 })
  await runFolder(t, home)
  t.true((await lstat(join(home, 'run'))).isDirectory())
  await chmod(join(home, 'run'), 0o755)
  await t.throwsAsync(makeRunFolder(home), { code: 'run-folder' })
})
