import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import anyTest, { type ExecutionContext } from 'ava'
import { eventually } from '../helpers/eventually.ts'
import { type Namespaces, openNamespaces } from '../helpers/namespaces.ts'
import { needingNamespaces } from '../helpers/needs.ts'
import { openPty, type Pty } from '../helpers/pty.ts'
import { difference, exportedOutput, printed, recordingOf } from '../helpers/recorded.ts'
import { startSession } from '../helpers/session.ts'
import { removeHome, run, startUp, type Up } from '../helpers/up.ts'

// The store fails under a running node. The recorded session never notices; afterwards every byte is there.

const test = needingNamespaces(anyTest, '/usr/bin/sshfs')

interface StoreTest {
  up: Up
  mounts: Namespaces
  /** The folder of the store; inside the mount namespace something is mounted there. */
  store: string
  /** Folders for what is mounted elsewhere. */
  home: string
}

async function startOn(
  t: ExecutionContext,
  mount: (mounts: Namespaces, store: string, home: string) => Promise<unknown>,
): Promise<StoreTest> {
  const home = await mkdtemp(join(tmpdir(), 'tapedeck-'))
  const store = join(home, 'node', 'recordings')
  await mkdir(store, { recursive: true, mode: 0o700 })
  const mounts = await openNamespaces('mount')
  t.teardown(async () => {
    mounts.close()
    await eventually(() => removeHome(home))
  })
  await mount(mounts, store, home)
  const up = await startUp({ home, within: mounts.within })
  t.teardown(() => up.stop())
  return { up, mounts, store, home }
}

/** What the node says to who asks whether it is ready: `ready`, or the code of what is wrong. */
async function readiness(up: Up): Promise<string> {
  const ca = await readFile(join(up.home, 'node', 'tls.crt'))
  const body = await new Promise<string>((resolve, reject) => {
    const call = request(new URL('/readyz', up.url), { ca, timeout: 10_000 })
    call.on('response', (answer) => text(answer).then(resolve, reject))
    call.on('timeout', () => call.destroy(new Error('/readyz does not answer')))
    call.on('error', reject)
    call.end()
  })
  return body.startsWith('{') ? (JSON.parse(body) as { error: { code: string } }).error.code : body.trim()
}

const becomes = (up: Up, expected: string) =>
  eventually(async () => {
    const now = await readiness(up)
    if (now !== expected) throw new Error(`/readyz says ${now}, expected ${expected}`)
  })

/** A shell that is typed into while the store is away: it answers, or the test ends. */
async function openShell(t: ExecutionContext, up: Up) {
  const pty = openPty(up.recordCommand('sh'))
  t.teardown(pty.kill)
  await pty.waitFor('# ')
  let count = 0
  return {
    pty,
    async answers() {
      count += 1
      pty.write(`echo $((${count} * 1001))\r`)
      await pty.waitFor(`\n${count * 1001}\r\n`)
    },
  }
}

async function endsWhole(t: ExecutionContext, up: Up, pty: Pty): Promise<void> {
  pty.write('exit\r')
  t.is(await pty.exit, 0)
  const row = await recordingOf(up, 'sh')
  t.is(difference(await exportedOutput(up, row.id), printed(pty)), undefined)
  t.is((await up.tapedeck('verify', row.id)).status, 0)
}

test('the store is full, and has room again', async (t) => {
  const { up, mounts, store } = await startOn(t, (inside, path) =>
    inside.run('mount', '-t', 'tmpfs', '-o', 'size=64m,mode=700', 'tmpfs', path),
  )
  const shell = await openShell(t, up)
  const early = startSession(up, 1, 1)
  await early.check()
  const ballast = join(store, 'ballast')
  await t.throwsAsync(mounts.run('dd', 'if=/dev/zero', `of=${ballast}`, 'bs=64k'))
  const during = startSession(up, 2, 2)
  t.is(await during.pty.exit, 0)
  await becomes(up, 'store-full')
  await shell.answers()
  const { queue } = await up.json<{ queue: { bytes: number } }>('status')
  t.true(queue.bytes > 0)

  await mounts.run('rm', ballast)
  await becomes(up, 'ready')
  await shell.answers()
  await during.check()
  await endsWhole(t, up, shell.pty)
})

test('the store is read-only, and can be written again', async (t) => {
  const { up, mounts, store } = await startOn(t, (inside, path) =>
    inside.run('mount', '-t', 'tmpfs', '-o', 'size=64m,mode=700', 'tmpfs', path),
  )
  // Also before any agent has tried; a node that starts says it at once, and what to do.
  await mounts.run('mount', '-o', 'remount,ro', store)
  await becomes(up, 'store-read-only')
  process.kill((await up.pids()).node!, 'SIGKILL')
  await eventually(async () => {
    const said = (await readFile(join(up.home, 'node', 'node.log'), 'utf8')).split('\n')
    if (!said.some((line) => /"code":"store-read-only","hint":"Let the node write there/.test(line)))
      throw new Error('The node says nothing.')
  })
  await mounts.run('mount', '-o', 'remount,rw', store)
  await becomes(up, 'ready')
  const shell = await openShell(t, up)
  await recordingOf(up, 'sh', ({ bytes }) => bytes > 0)
  // No file of it may be open for that: the node has one, so it goes first, and comes back to a store that it cannot write.
  await eventually(async () => {
    const { node } = await up.pids()
    if (node !== undefined) process.kill(node, 'SIGKILL')
    await mounts.run('mount', '-o', 'remount,ro', store)
  })
  await shell.answers()
  const during = startSession(up, 2, 1)
  t.is(await during.pty.exit, 0)
  await becomes(up, 'store-read-only')
  await shell.answers()

  await mounts.run('mount', '-o', 'remount,rw', store)
  await becomes(up, 'ready')
  await during.check()
  await endsWhole(t, up, shell.pty)
})

test('the store is unmounted: nothing is written under the empty mount point, also not by a new start', async (t) => {
  const keep = (home: string) => join(home, 'share')
  const { up, mounts, store, home } = await startOn(t, async (inside, path, root) => {
    await mkdir(keep(root))
    await inside.run('mount', '-t', 'tmpfs', '-o', 'size=64m,mode=700', 'tmpfs', keep(root))
    await inside.run('mount', '--bind', keep(root), path)
  })
  const shell = await openShell(t, up)
  await recordingOf(up, 'sh', ({ bytes }) => bytes > 0)
  await mounts.run('umount', '--lazy', store)
  await becomes(up, 'store-missing')
  const during = startSession(up, 2, 1)
  t.is(await during.pty.exit, 0)
  await shell.answers()
  const { node } = await up.pids()
  process.kill(node!, 'SIGKILL')
  await eventually(() => becomes(up, 'store-missing'))
  await shell.answers()
  t.deepEqual(await readdir(store), [])

  await up.stop()
  const again = await startUp({ home, within: mounts.within })
  t.teardown(() => again.stop())
  await becomes(again, 'store-missing')
  await shell.answers()
  t.deepEqual(await readdir(store), [])

  await mounts.run('mount', '--bind', keep(home), store)
  await becomes(again, 'ready')
  await recordingOf(again, during.command)
  await endsWhole(t, again, shell.pty)
  t.deepEqual(await readdir(store), [])
})

test('a network share hangs, then breaks under open files, and is mounted again', async (t) => {
  const mountShare = async (inside: Namespaces, path: string, root: string) => {
    // sshfs without a network or a daemon: what it runs in place of ssh is the server itself.
    const server = join(root, 'sftp')
    await mkdir(join(root, 'share'), { recursive: true, mode: 0o700 })
    await writeFile(server, `#!/bin/sh\necho $$ >${root}/sftp.pid\nexec /usr/lib/openssh/sftp-server\n`, {
      mode: 0o755,
    })
    await inside.run('sshfs', '-o', `ssh_command=${server}`, `share:${join(root, 'share')}`, path)
  }
  const { up, mounts, store, home } = await startOn(t, mountShare)
  const server = async () => Number(await readFile(join(home, 'sftp.pid'), 'utf8'))
  const shell = await openShell(t, up)
  const early = startSession(up, 1, 1)
  await early.check()

  process.kill(await server(), 'SIGSTOP')
  const during = startSession(up, 2, 1)
  t.is(await during.pty.exit, 0)
  await shell.answers()
  await becomes(up, 'store-slow')
  t.is((await up.tapedeck('list')).status, 0)
  process.kill(await server(), 'SIGCONT')
  await becomes(up, 'ready')
  await during.check()

  // Now every call fails with ENOTCONN, also on files that are open.
  const { stdout } = await run('pgrep', ['-f', `^sshfs .*${home}/`])
  process.kill(Number(stdout.toString()), 'SIGKILL')
  const after = startSession(up, 3, 1)
  t.is(await after.pty.exit, 0)
  await shell.answers()
  await eventually(async () => {
    if ((await readiness(up)) === 'ready') throw new Error('still ready')
  })
  await mounts.run('umount', '--lazy', store)
  await becomes(up, 'store-missing')
  t.deepEqual(await readdir(store), [])
  await mountShare(mounts, store, home)
  await becomes(up, 'ready')
  await after.check()
  await endsWhole(t, up, shell.pty)
})
