import { isIP } from 'node:net'
import { isAbsolute } from 'node:path'
import { CatalogError } from './catalog-error.ts'

// postgres://USER@HOST:PORT,HOST:PORT/DATABASE?sslmode=…&passwordFile=… as libpq reads it, with one difference: it has no
// password, so that it may be printed, logged and copied. That one lies in `passwordFile`, or where PGPASSFILE says.

export interface PostgresConnection {
  /** Tried in this order. A host that begins with `/` is the folder of a Unix socket. */
  hosts: PostgresHost[]
  user: string
  database: string
  /** The password and nothing else; read at every connection, so that a changed one needs no restart. */
  passwordFile?: string
  /** Without it: `verify-full`, and none on this machine itself. */
  tls?: PostgresTls
  /** The authority of the server's certificate, PEM. */
  rootCertificate?: string
}

export interface PostgresHost {
  host: string
  port: number
}

export type PostgresTls = (typeof tlsModes)[number]

const tlsModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const
const parameters = ['host', 'port', 'target_session_attrs', 'sslmode', 'sslrootcert', 'passwordFile']
/** Each silent host costs a connection's time-out before the next is asked. */
const hostsMax = 8
const portDefault = 5432
/** SPEC S23: as PostgreSQL takes them without quotes, and as long as it keeps them. */
const nameRule = /^[A-Za-z0-9_]{1,63}$/

export function isPostgres(connection: string): boolean {
  return /^postgres(ql)?:/i.test(connection)
}

/** Throws CatalogError `catalog-connection` with all that is wrong. */
export function postgresConnection(text: string): PostgresConnection {
  const problems: string[] = []
  const connection = parsePostgres(text, (problem) => void problems.push(problem))
  if (problems.length === 0) return connection
  throw new CatalogError(
    'catalog-connection',
    `The PostgreSQL connection cannot be used: ${problems.join('; ')}.`,
    'Write it as postgres://USER@HOST:PORT,HOST:PORT/DATABASE?passwordFile=/PATH.',
  )
}

/** Tells `wrong` all problems, without repeating what may be a secret; the result counts only when there was none. */
export function parsePostgres(text: string, wrong: (problem: string) => void): PostgresConnection {
  const [, login = '', authority = '', path = '', query = ''] =
    /^postgres(?:ql)?:\/\/(?:([^@/?]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/is.exec(text) ?? []
  const [user = '', secret] = login.split(':')
  if (secret !== undefined) wrong('it has a password: put that into a file and name it with passwordFile=')
  const given = new Map<string, string>()
  for (const [key, value] of new URLSearchParams(query.replaceAll('+', '%2B'))) {
    if (key === 'password') wrong('it has a password: put that into a file and name it with passwordFile=')
    else if (!parameters.includes(key))
      wrong(`there is no parameter ${key}; there are ${parameters.join(', ')}`)
    else if (given.has(key)) wrong(`${key} is there twice`)
    given.set(key, value)
  }
  const name = (what: string, encoded: string) => {
    const value = decoded(encoded)
    if (!nameRule.test(value))
      wrong(`expected a ${what} of 1 to 63 letters, digits and underscores, got '${value.slice(0, 80)}'`)
    return value
  }
  const attributes = given.get('target_session_attrs') ?? 'read-write'
  if (!['read-write', 'primary'].includes(attributes))
    wrong(`target_session_attrs can only be read-write, got ${attributes}`)
  const tls = given.get('sslmode')
  if (tls !== undefined && !isTlsMode(tls)) wrong(`expected sslmode ${tlsModes.join(', ')}, got ${tls}`)
  const file = (key: string) => {
    const value = given.get(key)
    if (value !== undefined && !isAbsolute(value)) wrong(`${key} must be an absolute path, got ${value}`)
    return value
  }
  const passwordFile = file('passwordFile')
  const rootCertificate = file('sslrootcert')
  return {
    user: name('user', user),
    hosts: parseHosts(authority, given, wrong),
    database: name('database', path),
    ...(passwordFile !== undefined && { passwordFile }),
    ...(tls !== undefined && isTlsMode(tls) && { tls }),
    ...(rootCertificate !== undefined && { rootCertificate }),
  }
}

// As libpq: `host=` and `port=` replace those before the path; one port is for all hosts.
function parseHosts(
  authority: string,
  given: ReadonlyMap<string, string>,
  wrong: (problem: string) => void,
): PostgresHost[] {
  const written = authority === '' ? [] : authority.split(',').map(splitHost)
  const hosts = given.get('host')?.split(',') ?? written.map(({ host }) => decoded(host))
  const ports = given.get('port')?.split(',') ?? written.map(({ port }) => port)
  if (hosts.length === 0) wrong('it names no host')
  if (hosts.length > hostsMax) wrong(`expected at most ${hostsMax} hosts, got ${hosts.length}`)
  if (ports.length > 1 && ports.length !== hosts.length)
    wrong(`there are ${hosts.length} hosts and ${ports.length} ports`)
  return hosts.map((host, i) => {
    if (!host.startsWith('/') && !isIP(host) && !/^[A-Za-z0-9._-]{1,253}$/.test(host))
      wrong(`expected a host name, an address or the folder of a socket, got '${host.slice(0, 80)}'`)
    const port = (ports.length === 1 ? ports[0] : ports[i]) || String(portDefault)
    if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
      wrong(`expected a port from 1 to 65535, got '${port.slice(0, 80)}'`)
    return { host, port: Number(port) }
  })
}

/** `host`, `host:port`, `[v6]:port` */
function splitHost(text: string): { host: string; port: string } {
  const [, v6, v6Port, host = text, port] = /^\[([^\]]*)\](?::(.*))?$|^([^:]*)(?::(.*))?$/s.exec(text) ?? []
  return { host: v6 ?? host, port: v6Port ?? port ?? '' }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const isTlsMode = (text: string): text is PostgresTls => (tlsModes as readonly string[]).includes(text)

/** For messages: `db1:5432`, `[::1]:5432`, `/run/postgresql:5432`. */
export function hostText({ host, port }: PostgresHost): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

/** How the connection to a host is protected. */
export function tlsOf({ tls }: PostgresConnection, { host }: PostgresHost): PostgresTls {
  if (host.startsWith('/')) return 'disable'
  return tls ?? (/^(localhost|127\..*|::1)$/.test(host) ? 'disable' : 'verify-full')
}
