import type { ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'
import type { TestHost } from './test-host.ts'

// Starts what an installed unit starts, as it starts it, where no systemd runs: same command, environment, user and folders.
// The sandbox is systemd's own; test/fresh-debian.ts has a real one.

export interface StartedUnit {
  child: ChildProcess
  /** What it said to systemd so far. */
  said(): string
  log(): string
  stop(): Promise<void>
}

const listener = `import socket,os,sys
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.bind(sys.argv[1]); os.chmod(sys.argv[1],0o777); print('open',flush=True)
while True: print(s.recv(4096).decode(),flush=True)`

export async function startUnit(host: TestHost, name: string): Promise<StartedUnit> {
  const unit = await host.sh(`cat /etc/systemd/system/${name}`)
  const all = (key: string) =>
    [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value!)
  const [user = 'root'] = all('User')
  const folders = { RuntimeDirectory: '/run', StateDirectory: '/var/lib', CacheDirectory: '/var/cache' }
  const made = Object.entries(folders).flatMap(([key, base]) => all(key).map((folder) => `${base}/${folder}`))
  for (const folder of made) await host.sh(`install -d -m 700 -o ${user} ${folder}`)
  const socket = '/run/notify-test'
  await host.sh(`rm -f ${socket}`)
  const systemd = host.start(['python3', '-c', listener, socket])
  let said = ''
  systemd.stdout!.on('data', (text) => {
    said += text
  })
  await eventually(() => {
    if (!said.includes('open')) throw new Error('nobody listens')
  })
  const environment = [
    ...all('Environment').flatMap((line) => line.split(' ')),
    `NOTIFY_SOCKET=${socket}`,
    'WATCHDOG_USEC=3000000',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...all('RuntimeDirectory').map((folder) => `RUNTIME_DIRECTORY=/run/${folder}`),
  ]
  const as =
    user === 'root'
      ? []
      : [
          'setpriv',
          '--reuid',
          user,
          '--regid',
          user,
          '--clear-groups',
          '--inh-caps=+net_bind_service',
          '--ambient-caps=+net_bind_service',
          '--',
        ]
  const child = host.start(['env', '-i', ...environment, ...as, ...all('ExecStart')[0]!.split(' ')])
  let log = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (text) => {
      log += text
    })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  return {
    child,
    said: () => said,
    log: () => log,
    async stop() {
      // What nsenter started, not nsenter.
      const pid = (
        await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').catch(() => '')
      ).trim()
      process.kill(pid === '' ? child.pid! : Number(pid), 'SIGTERM')
      await ended
      systemd.kill()
    },
  }
}

/** The units of the repository, for those tests that look at the files. */
export const unitFolder = join(fileURLToPath(new URL('../../systemd', import.meta.url)))
