import pg from 'pg'
import { type Finding, fail, ok, warn } from './finding.ts'
import { clientConfigs, messageOf } from './postgres-client.ts'
import { hostText, type PostgresConnection, type PostgresHost } from './postgres-connection.ts'
import { postgresLimits } from './postgres-limits.ts'

export interface ExaminedServer {
  host: PostgresHost
  writable: boolean
  /** A commit waits for a standby. */
  synchronous: boolean
  findings: Finding[]
}

/** Trusted extensions came with it. */
const versionMin = 13
const connectionsSpare = postgresLimits.connectionsMax

interface Answer {
  version: string
  number: number
  readOnly: string
  encoding: string
  unsafe: string
  synchronous: boolean
  connectionsFree: number
}

/** One of the connection's hosts, whatever role it has now. */
export async function examineServer(
  connection: PostgresConnection,
  host: PostgresHost,
): Promise<ExaminedServer> {
  const name = hostText(host)
  const none = { host, writable: false, synchronous: false }
  const configs = await clientConfigs(connection, postgresLimits)
  const client = new pg.Client(configs(host))
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<Answer>(question)
    const answer = rows[0]!
    const writable = answer.readOnly === 'off'
    const findings = [ok(name, `PostgreSQL ${answer.version}, ${writable ? 'takes writes' : 'a standby'}`)]
    if (answer.number < versionMin * 10_000)
      findings.push(fail(name, `PostgreSQL ${answer.version}`, `Upgrade it to ${versionMin} or newer.`))
    if (answer.encoding !== 'UTF8')
      findings.push(
        fail(name, `the database's encoding is ${answer.encoding}`, 'Make it anew with encoding UTF8.'),
      )
    if (answer.unsafe !== '')
      findings.push(
        warn(name, `${answer.unsafe}: off`, 'A power cut may lose what was committed: switch it on.'),
      )
    if (answer.connectionsFree < connectionsSpare)
      findings.push(
        warn(
          name,
          `${answer.connectionsFree} connections are free`,
          `Each node takes ${connectionsSpare} or some more: raise max_connections.`,
        ),
      )
    return { host, writable, synchronous: answer.synchronous, findings }
  } catch (error) {
    return { ...none, findings: [fail(name, messageOf(error), hintFor(error, connection))] }
  } finally {
    await client.end().catch(() => undefined)
  }
}

// A word that only disk/ may say (test/layers.test.ts) is a setting's name, too.
const question = `select current_setting('server_version') as version,
  current_setting('server_version_num')::int as number,
  current_setting('transaction_read_only') as "readOnly",
  pg_encoding_to_char((select encoding from pg_database where datname = current_database())) as encoding,
  (select coalesce(string_agg(name, ', '), '') from pg_settings
    where name ~ '^(f.?sync|synchronous_commit|full_page_writes)$' and setting = 'off') as unsafe,
  current_setting('synchronous_standby_names') <> '' as synchronous,
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - (select coalesce(sum(numbackends), 0)::int from pg_stat_database) as "connectionsFree"`

function hintFor(error: unknown, { user, database, passwordFile }: PostgresConnection): string {
  const { code = '', message } = error as { code?: string; message: string }
  const hints: Record<string, string> = {
    '28P01': `Correct the password in ${passwordFile ?? 'the file of PGPASSFILE'}, or set it: alter role "${user}" password ….`,
    '28000': `Make the role "${user}" ('tapedeck db migrate --admin'), and let it in by a line of pg_hba.conf.`,
    '3D000': `Make the database: 'tapedeck db migrate --admin CONNECTION' makes "${database}".`,
    '53300': 'Raise max_connections there.',
    '57P03': 'Wait: it starts or recovers.',
    ECONNREFUSED: 'Start PostgreSQL there, let it listen there, or correct host and port.',
    ENOENT: 'Start PostgreSQL there, or correct the folder of its socket or the passwordFile.',
    EACCES: 'Let the user of the node read the passwordFile and use the socket.',
    ENOTFOUND: 'Correct the name, or the name service.',
    EAI_AGAIN: 'The name service does not answer.',
    EHOSTUNREACH: 'Look at routes and firewalls to it.',
    ERR_TLS_CERT_ALTNAME_INVALID:
      'Connect by a name that its certificate has, or give it one that has this name.',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'Name the authority of its certificate with sslrootcert=.',
    SELF_SIGNED_CERT_IN_CHAIN: 'Name the authority of its certificate with sslrootcert=.',
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Name the authority of its certificate with sslrootcert=.',
    CERT_HAS_EXPIRED: 'Renew its certificate.',
  }
  if (/does not support SSL/.test(message))
    return 'Switch its TLS on, or say sslmode=disable if the way is safe.'
  if (/timeout/.test(message)) return 'Nothing answers there: look at host, port and firewalls.'
  if (/password must be a string/.test(message))
    return 'It asks for a password: name its file with passwordFile=, or in PGPASSFILE.'
  return hints[code] ?? 'Look at the log of PostgreSQL there.'
}
