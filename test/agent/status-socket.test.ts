import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test from 'ava'
import { openStatusSocket, type StatusSocket } from '../../agent/status-socket.ts'
import { temporaryFolder } from '../helpers/test-node.ts'

const module = new URL('../../agent/status-socket.ts', import.meta.url).pathname

async function ask(path: string): Promise<unknown> {
  const socket = createConnection(path)
  socket.write('?')
  return JSON.parse(await text(socket))
}

test('it says how things are, to many at once', async (t) => {
  const path = join(await temporaryFolder(t), 'agent.sock')
  let asked = 0
  const socket = await openStatusSocket(path, () => ({ asked: ++asked }))
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(path)))
  t.deepEqual(
    answers.map((answer) => (answer as { asked: number }).asked).sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, i) => i + 1),
  )
  // Who is silent, or goes away, does not keep it from closing.
  const silent = createConnection(path)
  silent.on('error', () => undefined)
  await once(silent, 'connect')
  const gone = createConnection(path)
  await once(gone, 'connect')
  gone.destroy()
  await socket.close()
  await t.throwsAsync(ask(path))
})

test('of agents that start at once on one home, one begins', async (t) => {
  const path = join(await temporaryFolder(t), 'agent.sock')
  // Left by one that was killed.
  await writeFile(path, '')
  for (let round = 0; round < 5; round++) {
    const opened = await Promise.allSettled(
      Array.from({ length: 6 }, () => openStatusSocket(path, () => ({}))),
    )
    const begun = opened.filter(
      (result): result is PromiseFulfilledResult<StatusSocket> => result.status === 'fulfilled',
    )
    t.is(begun.length, 1)
    for (const result of opened) if (result.status === 'rejected') t.is(result.reason.code, 'agent-running')
    t.deepEqual(await ask(path), {})
    await begun[0]!.value.close()
  }
})

test('a killed agent’s home is free at once', async (t) => {
  const path = join(await temporaryFolder(t), 'agent.sock')
  const code = `import { openStatusSocket } from '${module}'; await openStatusSocket('${path}', () => ({ old: 1 })); console.log('up')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  t.deepEqual(await ask(path), { old: 1 })
  await t.throwsAsync(
    openStatusSocket(path, () => ({})),
    { code: 'agent-running' },
  )
  child.kill('SIGKILL')
  await once(child, 'exit')
  const socket = await openStatusSocket(path, () => ({ fresh: 1 }))
  t.deepEqual(await ask(path), { fresh: 1 })
  await socket.close()
})

test('who takes the name in the kernel keeps no agent from starting', async (t) => {
  const path = join(await temporaryFolder(t), 'agent.sock')
  const { createHash } = await import('node:crypto')
  const squatter = createServer()
  squatter.listen(`\0tapedeck-${createHash('sha256').update(path).digest('hex')}`)
  await once(squatter, 'listening')
  const socket = await openStatusSocket(path, () => ({ here: 1 }))
  t.deepEqual(await ask(path), { here: 1 })
  await socket.close()
  squatter.close()
})

test('a place where no socket can be is said', async (t) => {
  const folder = await temporaryFolder(t)
  await t.throwsAsync(openStatusSocket(join(folder, 'absent', 'agent.sock'), () => ({})))
  await t.throwsAsync(openStatusSocket(join(folder, 'x'.repeat(200)), () => ({})))
})
