import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../../disk/folder.ts'
import { type Applied, applyFarm } from '../../lb/apply.ts'
import { applyKeepalived } from '../../lb/apply-keepalived.ts'
import { readInstalled } from '../../lb/installed.ts'
import { parseFarm } from '../../lb/parse-farm.ts'
import { type BalancerStatus, readStatus } from '../../lb/runtime.ts'
import type { Machine } from './network.ts'
import { type Program, runProgram } from './program.ts'

// One balancer of the farm: a machine with HAProxy, and keepalived for the floating address.

export interface FarmBalancer {
  readonly name: string
  readonly machine: Machine
  /** farm.json and haproxy.cfg, for `tapedeck lb`. */
  readonly file: string
  readonly config: string
  readonly haproxy: Program
  readonly keepalived: Program
  status(): Promise<BalancerStatus>
  hasAddress(): Promise<boolean>
  /** As `tapedeck lb apply` after a change of the farm file. */
  apply(changed: Record<string, unknown>): Promise<Applied>
  stop(): Promise<void>
}

export async function startFarmBalancer(
  folder: string,
  machine: Machine,
  farm: Record<string, unknown>,
): Promise<FarmBalancer> {
  const { name } = machine
  const own = join(folder, name)
  await makeFolder(own)
  const [file, config, masterSocket] = [
    join(own, 'farm.json'),
    join(own, 'haproxy.cfg'),
    join(own, 'master.sock'),
  ]
  const pidFile = join(own, 'haproxy.pid')
  const described = (changed: Record<string, unknown> = {}) => ({
    ...farm,
    ...changed,
    floating: { ...(farm.floating as object), pidFile },
    account: null,
    runtimeSocket: join(own, 'haproxy.sock'),
  })
  const parsed = parseFarm(described())
  const balancer = parsed.balancers.find((each) => each.name === name)!
  await writeFile(file, JSON.stringify(described(), null, 2))
  await applyFarm({ farm: parsed, balancer, config })

  // It looks for the interface, which is only inside.
  const inside = join(own, 'keepalived')
  await writeFile(inside, `#!/bin/sh\nexec ${machine.within.join(' ')} keepalived "$@"\n`)
  await chmod(inside, 0o700)
  const keepalivedFile = join(own, 'keepalived.conf')
  const keepalivedPid = join(own, 'keepalived-main.pid')
  await applyKeepalived({
    farm: parsed,
    balancer,
    file: keepalivedFile,
    pidFile: keepalivedPid,
    keepalived: inside,
  })
  const haproxy = runProgram({
    name: 'haproxy',
    folder: own,
    command: [...machine.within, 'haproxy', '-W', '-S', masterSocket, '-p', pidFile, '-f', config],
  })
  const pids = ['-p', keepalivedPid, '-r', join(own, 'vrrp.pid')]
  const keepalived = runProgram({
    name: 'keepalived',
    folder: own,
    command: [...machine.within, 'keepalived', '-n', '-l', '-D', '-f', keepalivedFile, ...pids],
  })
  haproxy.start()
  keepalived.start()
  return {
    name,
    machine,
    file,
    config,
    haproxy,
    keepalived,
    status: async () => readStatus(await readInstalled(config)),
    hasAddress: async () =>
      (await machine.run('ip', '-brief', 'address', 'show', 'eth0')).includes(parsed.floating!.address),
    async apply(changed) {
      await writeFile(file, JSON.stringify(described(changed), null, 2))
      return applyFarm({ farm: parseFarm(described(changed)), balancer, config, masterSocket })
    },
    async stop() {
      await keepalived.stop()
      await haproxy.stop()
    },
  }
}
