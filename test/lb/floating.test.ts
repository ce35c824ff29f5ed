import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { applyFarm } from '../../lb/apply.ts'
import { applyKeepalived } from '../../lb/apply-keepalived.ts'
import { parseFarm } from '../../lb/parse-farm.ts'
import { temporaryFolder, until } from '../helpers/test-node.ts'
import { lacks } from './programs.ts'

// Two machines and a cable between them: keepalived and HAProxy on each, as the farm file says.

interface Machine {
  pid: number
  run(...command: string[]): string
  start(...command: string[]): ChildProcess
}

async function openMachine(t: ExecutionContext): Promise<Machine> {
  const stdio = 'ignore'
  const holder = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'unshare', '--net', 'sleep', '1d'], { stdio })
  t.teardown(() => void holder.kill('SIGKILL'))
  await until(() => readFileSync(`/proc/${holder.pid}/comm`, 'utf8') === 'sleep\n')
  const inside = ['--target', String(holder.pid), '--net', '--']
  return {
    pid: holder.pid!,
    run: (...command) => execFileSync('nsenter', [...inside, ...command], { encoding: 'utf8' }),
    start(...command) {
      const child = spawn('nsenter', [...inside, ...command], { stdio: ['ignore', 'ignore', 'pipe'] })
      child.stderr.resume()
      t.teardown(() => void child.kill('SIGTERM'))
      return child
    },
  }
}

function canMakeNetworks(): boolean {
  try {
    execFileSync('unshare', ['--net', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test('the floating address is where HAProxy runs, and stays with who has it', async (t) => {
  if (await lacks(t, 'haproxy', 'keepalived')) return
  if (!canMakeNetworks()) {
    t.log('Skipped: no network namespaces for this user here.')
    t.pass()
    return
  }
  const folder = await temporaryFolder(t)
  const machines = [await openMachine(t), await openMachine(t)]
  const cable = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', String(machines[1]!.pid)]
  machines[0]!.run('ip', 'link', 'add', 'eth0', ...cable)
  for (const [i, machine] of machines.entries()) {
    machine.run('ip', 'address', 'add', `10.99.0.${i + 1}/24`, 'dev', 'eth0')
    for (const device of ['lo', 'eth0']) machine.run('ip', 'link', 'set', device, 'up')
  }

  const start = async (i: number) => {
    const machine = machines[i]!
    const file = (name: string) => join(folder, `lb-${i + 1}.${name}`)
    const farm = parseFarm({
      name: 'ward',
      names: ['rec.example.org'],
      nodes: [{ name: 'node-1', address: '10.99.0.51' }],
      balancers: [
        { name: 'lb-1', address: '10.99.0.1' },
        { name: 'lb-2', address: '10.99.0.2' },
      ],
      floating: { address: '10.99.0.10/24', interface: 'eth0', routerId: 51, pidFile: file('haproxy.pid') },
      account: null,
      runtimeSocket: file('sock'),
    })
    const balancer = farm.balancers[i]!
    await applyFarm({ farm, balancer, config: file('haproxy.cfg') })
    const pidFile = file('keepalived.pid')
    const floating = { farm, balancer, file: file('keepalived.conf'), pidFile }
    // It looks for the interface, which is only inside.
    const keepalived = join(folder, `keepalived-${i + 1}`)
    await writeProgram(keepalived, machine.pid)
    t.is(await applyKeepalived({ ...floating, keepalived }), 'written')
    const haproxy = () => {
      const files = ['-S', file('master'), '-p', file('haproxy.pid'), '-f', file('haproxy.cfg')]
      return machine.start('haproxy', '-W', ...files)
    }
    const running = haproxy()
    const pids = ['-p', pidFile, '-r', file('vrrp.pid')]
    const keeper = machine.start('keepalived', '-n', '-l', '-D', '-f', file('keepalived.conf'), ...pids)
    let log = ''
    keeper.stderr!.on('data', (chunk) => {
      log += chunk
    })
    await until(async () => /\d/.test(await readFile(pidFile, 'utf8').catch(() => '')))
    t.is(await applyKeepalived({ ...floating, keepalived }), 'unchanged')
    const next = { ...farm, floating: { ...farm.floating!, routerId: 52 } }
    t.is(await applyKeepalived({ ...floating, farm: next, keepalived }), 'reloaded')
    return {
      running,
      haproxy,
      /** How often it became the one that waits. */
      log: () => log,
      waits: () => log.match(/Entering BACKUP STATE/g)?.length ?? 0,
      hasAddress: () => machine.run('ip', '-brief', 'address', 'show', 'eth0').includes('10.99.0.10/24'),
    }
  }
  // The preferred one first; the other finds the address taken.
  const one = await start(0)
  await until(one.hasAddress, 20_000)
  const two = await start(1)
  const isAt = (here: typeof one, there: typeof one) => () => here.hasAddress() && !there.hasAddress()
  one.running.kill('SIGKILL')
  await until(isAt(two, one), 20_000)

  // Who comes back waits and does not take it: every move cuts every connection.
  const waits = one.waits()
  one.haproxy()
  await until(() => one.waits() > waits, 20_000)
  // A preferred one would have taken it after three intervals of half a second.
  for (const endMs = Date.now() + 3000; Date.now() < endMs; await sleep(100))
    t.true(isAt(two, one)(), `${one.log()}\n--\n${two.log()}`)
  two.running.kill('SIGKILL')
  await until(isAt(one, two), 20_000)
})

/** keepalived as it would run on that machine. */
async function writeProgram(path: string, pid: number): Promise<void> {
  await writeFile(path, `#!/bin/sh\nexec nsenter --target ${pid} --net -- keepalived "$@"\n`, { mode: 0o700 })
}
