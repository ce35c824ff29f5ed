import type { Directive, Section } from './config-text.ts'
import type { Balancer, EndedTls, Farm } from './farm.ts'
import { at } from './render-address.ts'

/** Where clients, and the operator, come in. */
export function frontends(farm: Farm, balancer: Balancer): Section[] {
  const { ports, tls } = farm
  return [
    redirect(farm, balancer),
    tls.mode === 'passed' ? passed('people', ports.https, balancer) : ended(farm, tls, balancer),
    passed('agents', ports.agents, balancer),
    stats(ports.stats),
  ]
}

function bind({ listen }: Balancer, port: number, ...more: string[]): Directive[] {
  return listen.map((address, i) => ({
    // `::` alone would take IPv4 too, where the system says so, and collide with 0.0.0.0.
    words: ['bind', at(address, port), ...(address === '::' ? ['v6only'] : []), ...more],
    reason:
      i > 0 ? '' : 'Everywhere unless the farm file says `listen`: a floating address may come at any time.',
  }))
}

const track: Directive = {
  words: ['tcp-request', 'connection', 'track-sc0', 'src', 'table', 'nodes'],
  reason:
    'Holds the source’s entry as long as a connection of it lives. Without it a long connection outlives its own\nstickiness.',
}

const contstats: Directive = {
  words: ['option', 'contstats'],
  reason:
    'Counts bytes while they pass, not at the end. Each count renews the entry in the table below, and tells the other\nbalancers, who would forget the source of a long connection otherwise.',
}

function passed(name: string, port: number, balancer: Balancer): Section {
  return {
    words: ['frontend', name],
    reason:
      name === 'agents'
        ? 'Recording data. Agents prove who they are to the node itself: their TLS never ends here.'
        : 'Pages, API, live sessions, and agents that use this port.',
    directives: [
      ...bind(balancer, port),
      track,
      contstats,
      { words: ['default_backend', 'nodes'], reason: 'Any node serves anybody.' },
    ],
  }
}

function ended({ ports, times }: Farm, tls: EndedTls, balancer: Balancer): Section {
  const header = (...words: string[]) => ['http-request', ...words]
  return {
    words: ['frontend', 'people'],
    reason: 'Pages, API, live sessions, and agents that use this port. TLS ends here.',
    directives: [
      { words: ['mode', 'http'], reason: 'Without TLS there is HTTP.' },
      { words: ['option', 'httplog'], reason: 'One line a request.' },
      ...bind(balancer, ports.https, 'ssl', 'crt', tls.certificate, 'alpn', 'h2,http/1.1'),
      {
        words: ['timeout', 'http-request', '10s'],
        reason: 'Headers that take longer come from someone who wants to hold the connection.',
      },
      {
        words: ['timeout', 'http-keep-alive', '60s'],
        reason: 'A reader of a page comes back within this, or connects again.',
      },
      {
        words: ['timeout', 'client', `${times.silenceS}s`],
        reason: 'A player that is paused takes nothing for long.',
      },
      track,
      contstats,
      {
        words: header('set-header', 'X-Forwarded-For', '%[src]'),
        reason: 'Who the client is, in place of what it says itself.',
      },
      { words: header('set-header', 'X-Forwarded-Proto', 'https'), reason: '' },
      {
        words: header('del-header', 'X-Forwarded-Host'),
        reason: 'The name that was asked for is in Host; nobody else sets another.',
      },
      { words: ['default_backend', 'pages'], reason: 'Any node serves anybody.' },
    ],
  }
}

function redirect({ ports }: Farm, balancer: Balancer): Section {
  const port = ports.https === 443 ? '' : `:${ports.https}`
  return {
    words: ['frontend', 'plain'],
    reason: 'Who types the name without https.',
    directives: [
      { words: ['mode', 'http'], reason: 'To answer, it must be understood.' },
      { words: ['option', 'httplog'], reason: 'One line a request.' },
      ...bind(balancer, ports.http),
      {
        words: ['timeout', 'http-request', '10s'],
        reason: 'Headers that take longer come from someone who wants to hold the connection.',
      },
      {
        words: ['timeout', 'http-keep-alive', '1s'],
        reason: 'Nothing comes after the answer.',
      },
      {
        words: ['http-request', 'deny', 'unless', '{', 'req.hdr(host)', '-m', 'found', '}'],
        reason: 'Without a name there is nowhere to send it.',
      },
      {
        words: [
          'http-request',
          'redirect',
          'code',
          '301',
          'location',
          `https://%[req.hdr(host),host_only]${port}%[pathq]`,
        ],
        reason: 'The same page over TLS. Nothing else is ever served here.',
      },
    ],
  }
}

function stats(port: number): Section {
  return {
    words: ['frontend', 'stats'],
    reason: 'For people and Prometheus on this machine.',
    directives: [
      { words: ['mode', 'http'], reason: 'A page.' },
      {
        words: ['bind', at('127.0.0.1', port)],
        reason: 'On loopback: names and numbers of a farm are nobody else’s.',
      },
      {
        words: ['http-request', 'use-service', 'prometheus-exporter', 'if', '{', 'path', '/metrics', '}'],
        reason: 'Metrics.',
      },
      { words: ['stats', 'enable'], reason: 'The page: state, load and health of each node.' },
      { words: ['stats', 'uri', '/'], reason: '' },
      { words: ['stats', 'refresh', '10s'], reason: 'It stays true while it is looked at.' },
      { words: ['option', 'dontlog-normal'], reason: 'Its readers come every few seconds.' },
    ],
  }
}
