import test from 'ava'
import { hostText, postgresConnection, tlsOf } from '../../../node/catalog/postgres-connection.ts'
import { ConfigError, parseNodeConfig } from '../../../node/config.ts'

test('hosts, ports and parameters are read as libpq does', (t) => {
  const two = postgresConnection('postgres://tapedeck@db1:5433,db2/catalog?target_session_attrs=read-write')
  t.deepEqual(two, {
    user: 'tapedeck',
    database: 'catalog',
    hosts: [
      { host: 'db1', port: 5433 },
      { host: 'db2', port: 5432 },
    ],
  })
  const socket = postgresConnection('postgresql://u@/d?host=/run/a,/run/b&port=6000&passwordFile=/etc/p+w')
  t.deepEqual(socket.hosts, [
    { host: '/run/a', port: 6000 },
    { host: '/run/b', port: 6000 },
  ])
  t.is(socket.passwordFile, '/etc/p+w')
  const encoded = postgresConnection('postgres://u@%2Frun%2Fa,[2001:db8::1]:7000/d')
  t.deepEqual(encoded.hosts.map(hostText), ['/run/a:5432', '[2001:db8::1]:7000'])
  const ports = postgresConnection('postgres://u@a,b/d?port=1,2')
  t.deepEqual(ports.hosts.map(hostText), ['a:1', 'b:2'])
})

test('TLS is verified except on this machine, unless told otherwise', (t) => {
  const modes = (text: string) => {
    const connection = postgresConnection(text)
    return connection.hosts.map((host) => tlsOf(connection, host))
  }
  t.deepEqual(modes('postgres://u@db1,localhost,127.0.0.1,[::1],%2Frun/d'), [
    'verify-full',
    ...['disable', 'disable', 'disable', 'disable'],
  ])
  t.deepEqual(modes('postgres://u@db1,localhost/d?sslmode=disable'), ['disable', 'disable'])
  t.deepEqual(modes('postgres://u@localhost,%2Frun/d?sslmode=verify-ca'), ['verify-ca', 'disable'])
})

test('all that is wrong is said at once, and no secret is repeated', (t) => {
  const long = 'x'.repeat(64)
  const error = t.throws(
    () =>
      postgresConnection(
        `postgres://${long}:hunter2@a b:0,c:1,d:99999/my-db?sslmode=prefer&port=1,2&fetch=1&passwordFile=p&target_session_attrs=any`,
      ),
    { code: 'catalog-connection' },
  )
  for (const part of [
    'passwordFile=',
    'expected a user of 1 to 63',
    "got 'my-db'",
    "got 'a b'",
    'sslmode disable, require, verify-ca, verify-full, got prefer',
    '3 hosts and 2 ports',
    'no parameter fetch',
    'passwordFile must be an absolute path',
    'target_session_attrs can only be read-write',
  ])
    t.true(error.message.includes(part), `${part} in ${error.message}`)
  t.false(error.message.includes('hunter2'))
  for (const [text, part] of [
    ['postgres://u@/d', 'names no host'],
    ['postgres://u@h', 'expected a database'],
    ['postgres://h/d', 'expected a user'],
    ['postgres://u@h/d?password=hunter2', 'passwordFile='],
    ['postgres://u@h:0/d', "got '0'"],
    ['postgres://u@h:99999/d', "got '99999'"],
    ['postgres://u@h:5432x/d', "got '5432x'"],
    ['postgres://u@h/d?port=1&port=2', 'port is there twice'],
    ['postgres://u@1,2,3,4,5,6,7,8,9/d', 'at most 8 hosts, got 9'],
    ["postgres://u';drop@h/d", 'expected a user'],
    ['postgres:', 'names no host'],
    ['postgres://u:p:q@h/d', 'passwordFile='],
    ['postgres://u@h/%ff', 'expected a database'],
  ] as const) {
    const { message } = t.throws(() => postgresConnection(text), { code: 'catalog-connection' })
    t.true(message.includes(part), `${text}: ${message}`)
    t.false(message.includes('hunter2'))
  }
})

test('node.json names a file or a connection, and its errors come with all the others', (t) => {
  const config = { stores: ['recordings'] }
  t.is(parseNodeConfig({ ...config, catalog: 'c.db' }, '/home').catalog, '/home/c.db')
  const catalog = 'postgres://tapedeck@db1,db2/catalog'
  t.is(parseNodeConfig({ ...config, catalog }, '/home').catalog, catalog)
  const error = t.throws(() => parseNodeConfig({ stores: [], catalog: 'postgres://u:p@h/my-db' }, '/home'), {
    instanceOf: ConfigError,
  })
  t.deepEqual(
    error.problems.map(({ path }) => path),
    ['catalog', 'catalog', 'stores'],
  )
})
