import { join } from 'node:path'
import type { Farm } from './farm.ts'
import { launcher } from './farm-host.ts'
import type { Machine } from './network.ts'

// What a person sees when the farm runs: what is where, how to get in, how to look at it and how to break it.

export function farmMap(farm: Farm, link: string, faults: readonly string[]): string {
  const { folder, url, home, nodes, balancers, hosts, database, redis, share } = farm
  const machineOf = (name: string) => farm.machines.find((machine) => machine.name === name)!
  const row = ({ name, address }: Machine, what: string, logs: string) =>
    `  ${name.padEnd(9)} ${address.padEnd(15)} ${what.padEnd(36)} ${logs}`
  const [host, node, balancer] = [hosts[0], nodes[0]!, balancers[0]!]
  const words = (command: readonly string[]) => command.join(' ')
  return [
    '',
    `A farm runs at ${url}, on machines of its own behind a switch inside this one. Ctrl-C stops it; nothing stays.`,
    '',
    `  Open      ${link}`,
    '            (works once, within 15 minutes, from this machine; the certificate is the farm’s own)',
    '',
    '  MACHINE   ADDRESS         RUNS                                 LOG',
    ...balancers.map(({ machine, haproxy }) => row(machine, 'HAProxy, keepalived', haproxy.logFile)),
    `  ${'floating'.padEnd(9)} ${new URL(url).hostname.padEnd(15)} on the balancer that keepalived chose`,
    ...nodes.map(({ machine, program }) => row(machine, 'node, its mount of the share', program.logFile)),
    row(database.machines.primary, 'PostgreSQL', join(database.primary.folder, 'log')),
    row(database.machines.standby, 'PostgreSQL, standby', join(database.standby.folder, 'log')),
    row(machineOf('redis'), 'Redis', redis.logFile),
    ...(share ? [row(machineOf('share'), `SFTP: ${home.store}`, share.logFile)] : []),
    ...hosts.map(({ machine, program }) => row(machine, 'agent', program.logFile)),
    '',
    ...(host ? [`  Record    ${words(host.recordCommand())}`, ''] : []),
    `  Look      ${launcher} list --home ${home.admin}      (status, verify ID, play ID, doctor …)`,
    `            ${launcher} lb status --config ${balancer.config}      (drain NODE, ready NODE)`,
    `  Go in     ${words(node.machine.within)} bash`,
    `  Kill      kill -9 $(cat ${join(folder, node.name, `${node.name}.pid`)})      it comes back after a second`,
    `            pid files: ${folder}/*/*.pid`,
    `  Cut       ${words(node.machine.cutCommand)}      and back: master hub instead of nomaster`,
    '',
    '  Or type the number of a fault, here:',
    ...faults.map((name, i) => `  ${String(i + 1).padStart(4)}  ${name}`),
    '',
  ].join('\n')
}
