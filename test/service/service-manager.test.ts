import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { openServiceManager } from '../../service/service-manager.ts'
import { eventually } from '../helpers/eventually.ts'

const onSystemd = existsSync('/usr/bin/systemd-notify') ? test : test.skip

/** A socket as systemd opens one, and what was said on it so far. */
const listener = `import socket,sys
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.bind(sys.argv[1]); print('open',flush=True)
while True: print(s.recv(4096).decode(),flush=True)`

onSystemd('systemd hears that a program is ready, alive and stopping', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'tapedeck-notify-'))
  const socket = join(home, 'notify')
  const systemd = spawn('python3', ['-c', listener, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(async () => {
    systemd.kill()
    await rm(home, { recursive: true })
  })
  let said = ''
  systemd.stdout.on('data', (text) => {
    said += text
  })
  const heard = (text: string, count = 1) =>
    eventually(() => {
      if (said.split(text).length - 1 < count) throw new Error(`${text} was not said: ${said}`)
    })
  await heard('open')
  let alive = true
  const manager = openServiceManager(
    { PATH: process.env.PATH, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '300000' },
    { alive: () => alive, failed: (error) => t.fail(error.message) },
  )
  manager.ready()
  await heard('READY=1')
  await heard('WATCHDOG=1', 2)
  alive = false
  manager.stopping()
  await heard('STOPPING=1')
  t.is(said.split('READY=1').length - 1, 1)
})

test('without a service manager nothing is said', (t) => {
  const manager = openServiceManager({}, { failed: (error) => t.fail(error.message) })
  manager.ready()
  manager.stopping()
  t.pass()
})
