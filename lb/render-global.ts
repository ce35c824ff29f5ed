import type { Section } from './config-text.ts'
import type { Balancer, Farm } from './farm.ts'
import { at } from './render-address.ts'

/** The process, what all its proxies share, and the other balancers. */
export function foundation(farm: Farm, balancer: Balancer): Section[] {
  return [global(farm, balancer), defaults(farm), peers(farm)]
}

function global({ account, limits, runtimeSocket, times }: Farm, balancer: Balancer): Section {
  const section: Section = {
    words: ['global'],
    reason: 'The process.',
    directives: [
      {
        words: ['zero-warning'],
        reason: 'A doubtful line is an error: it is found before a reload, not by a user.',
      },
      {
        words: ['log', 'stdout', 'format', 'short', 'daemon'],
        reason: 'To whoever started HAProxy, systemd or pm2; no syslog daemon is needed.',
      },
      {
        words: ['maxconn', `${limits.connectionsMax}`],
        reason:
          'Each takes two descriptors, which the system must allow (`ulimit -n`), and some 35 KiB. What comes above waits.',
      },
      {
        words: ['stats', 'socket', runtimeSocket, 'mode', '600', 'level', 'admin'],
        reason:
          'For `tapedeck lb status`, `drain` and `ready`: root alone. A new process gets the listening sockets from the\nmaster, so that a reload refuses nobody.',
      },
      {
        words: ['stats', 'timeout', '10s'],
        reason: 'Commands are short; who hangs there holds a place of few.',
      },
      {
        words: ['hard-stop-after', `${times.hardStopS}s`],
        reason:
          'After a reload the old process serves its connections this long. An agent’s never ends by itself, and old\nprocesses must not pile up. Agents that are cut connect again and lose nothing.',
      },
      {
        words: ['ssl-default-bind-options', 'ssl-min-ver', 'TLSv1.2'],
        reason: 'The same lowest version as the nodes’.',
      },
      { words: ['ssl-default-server-options', 'ssl-min-ver', 'TLSv1.2'], reason: '' },
      {
        words: ['localpeer', balancer.name],
        reason:
          'Which of the balancers below this one is. The only line that differs between them, but for addresses.',
      },
    ],
  }
  if (account)
    section.directives.push(
      {
        words: ['chroot', account.chroot],
        reason: 'Once its ports are open it needs no file and no right any more, so it keeps none.',
      },
      { words: ['user', account.user], reason: 'Nor root.' },
      { words: ['group', account.group], reason: '' },
    )
  return section
}

function defaults({ times }: Farm): Section {
  return {
    words: ['defaults'],
    reason: 'What all proxies share.',
    directives: [
      {
        words: ['mode', 'tcp'],
        reason: 'TLS that is passed through is bytes; who ends it says `mode http`.',
      },
      { words: ['log', 'global'], reason: 'One log.' },
      {
        words: ['option', 'tcplog'],
        reason: 'Client, node, times, bytes and how it ended: one line a connection.',
      },
      {
        words: ['option', 'dontlognull'],
        reason: 'Who connects and says nothing is a scan.',
      },
      {
        words: ['timeout', 'connect', '2s'],
        reason: 'A node of this network answers at once. One that does not is left for another soon.',
      },
      {
        words: ['timeout', 'client', '30s'],
        reason: 'Until a connection has a node.',
      },
      { words: ['timeout', 'server', '30s'], reason: '' },
      {
        words: ['timeout', 'tunnel', `${times.silenceS}s`],
        reason:
          'Then both ways may be silent this long: a proof of a long recording says nothing until its end. Agents and\nviewers are asked every 10 and 30 s by the node, which ends the dead ones.',
      },
      {
        words: ['timeout', 'client-fin', '30s'],
        reason: 'Who said goodbye one way and forgot the other.',
      },
      { words: ['timeout', 'server-fin', '30s'], reason: '' },
      {
        words: ['timeout', 'check', '3s'],
        reason: 'A look at a node’s health waits no longer for connection and answer.',
      },
    ],
  }
}

function peers({ balancers, ports }: Farm): Section {
  const alone = balancers.length === 1
  return {
    words: ['peers', 'balancers'],
    reason:
      'Who knows which source belongs to which node: every balancer, and after a reload the new process. Nobody is\nasked for a name or key here, so the port is for the farm’s own network.',
    directives: balancers.map(({ name, address }, i) => ({
      words: ['peer', name, at(alone ? '127.0.0.1' : address, ports.peers)],
      reason: i > 0 ? '' : 'All of them, this one too: its next process asks it for the table.',
    })),
  }
}
