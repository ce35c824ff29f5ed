import { X509Certificate } from 'node:crypto'
import anyTest from 'ava'
import { eventually } from '../../helpers/eventually.ts'
import { noTestHosts, openTestHost, type TestHost } from '../../helpers/test-host.ts'
import { startUnit } from '../../helpers/unit.ts'

// Each has a host of its own, to which the program is copied.
const missing = noTestHosts()
const test = missing === undefined ? anyTest.serial : anyTest.skip

interface Installed {
  steps: string[]
  started: boolean
  url?: string
  admin?: { user: string; password: string }
}

async function install(host: TestHost, ...args: string[]): Promise<Installed> {
  const { status, stdout, stderr } = await host.tapedeck('install', ...args, '--json')
  if (status !== 0) throw new Error(`install ${args.join(' ')} ended with ${status}: ${stderr}`)
  return JSON.parse(stdout.toString()) as Installed
}

/** All that an installation may touch. */
const traces = `find /etc /opt /usr/local /var/lib /var/cache -newer /root/before ! -path '*/systemd/catalog*' ! -type d | sort`

test('a node is installed, again without a change, runs by its unit as its own user, and goes without a trace', async (t) => {
  const host = await openTestHost(t)
  const first = await install(host, 'node', '--name', 'node-9', '--workers', '2', '--lb-host', '192.0.2.1')
  t.false(first.started)
  t.is(first.admin?.user, 'admin')
  const log = await host.sh('cat /var/log/tapedeck/install.log')
  t.regex(log, /Installing node[\s\S]*Copied the program[\s\S]*Made the first administrator, admin/)
  t.false(log.includes(first.admin!.password))
  const config = JSON.parse(await host.sh('cat /var/lib/tapedeck-node/node/node.json'))
  t.like(config, { name: 'node-9', host: '0.0.0.0', port: 443, agentPort: 1801, proxyPort: 8444, workers: 2 })
  t.is(await host.sh('stat -c %U:%a /var/lib/tapedeck-node/farm/farm.key'), 'tapedeck:600')
  t.is(await host.sh('readlink -f /usr/local/bin/tapedeck'), '/opt/tapedeck/tapedeck')
  t.is(await host.sh('ls /opt/tapedeck/node_modules | grep -cxE "ava|typescript|vite" || :'), '0')

  const again = await install(host, 'node')
  t.is(again.admin, undefined)
  t.true(again.steps.includes('/opt/tapedeck is up to date.'))
  t.deepEqual(JSON.parse(await host.sh('cat /var/lib/tapedeck-node/node/node.json')), config)

  // systemd reads it all, and finds it closed.
  const units = 'tapedeck-node.service'
  t.is(await host.sh(`systemd-analyze verify --man=no /etc/systemd/system/${units} 2>&1`), '')
  await host.sh(`systemd-analyze security --offline=yes --threshold=30 /etc/systemd/system/${units}`)

  const node = await startUnit(host, 'tapedeck-node.service')
  await eventually(() => {
    if (!node.said().includes('READY=1') || !node.said().includes('WATCHDOG=1'))
      throw new Error(`not ready: ${node.said()} ${node.log()}`)
  })
  t.is(await host.sh('ps -o user= -p $(cat /run/tapedeck-node/node-0.pid)'), 'tapedeck')
  const findings = JSON.parse((await host.tapedeck('doctor', '--json')).stdout.toString())
  const bad = findings.filter(({ level }: { level: string }) => level !== 'ok')
  t.deepEqual(bad, [])
  // A dead primary is started again, by pm2.
  await host.sh('kill -9 $(cat /run/tapedeck-node/node-0.pid)')
  await eventually(() => {
    if (node.said().split('READY=1').length < 3) throw new Error(`not ready again: ${node.log()}`)
  })
  await node.stop()
  t.true(node.said().includes('STOPPING=1'))
  t.is(await host.sh("pgrep -f '[n]ode/main.ts' || :"), '')

  const asked = await host.tapedeck('uninstall')
  t.regex(asked.stderr, /\[not-confirmed\]/)
  await host.sh('tapedeck uninstall --keep-data')
  t.is(
    await host.sh(
      'ls -d /opt/tapedeck /etc/systemd/system/tapedeck* /usr/local/bin/tapedeck 2>/dev/null || :',
    ),
    '',
  )
  t.is(await host.sh('stat -c %U /var/lib/tapedeck-node/farm/farm.key'), 'tapedeck')
  const back = await install(host, 'node')
  t.is(back.admin, undefined)
  await host.sh('tapedeck uninstall node --force')
  t.is(await host.sh(`ls -d /var/lib/tapedeck* /opt/tapedeck 2>/dev/null; getent passwd tapedeck || :`), '')
})

test('a balancer runs HAProxy by its unit; an agent in an image has no identity, and what it needs for one', async (t) => {
  const host = await openTestHost(t)
  const farm = {
    name: 'ward',
    names: ['localhost'],
    nodes: [{ name: 'node-1', address: '127.0.0.1' }],
    balancers: [{ name: 'lb-1', address: '127.0.0.1' }],
  }
  farm.balancers.push({ name: 'lb-2', address: '127.0.0.3' })
  await host.run(['tee', '/root/farm.json'], { input: Buffer.from(JSON.stringify(farm)) })
  // The host is called otherwise.
  t.regex(
    (await host.tapedeck('install', 'lb', '--farm', '/root/farm.json')).stderr,
    /--balancer lb-1 or lb-2/,
  )
  const { steps } = await install(
    host,
    'lb',
    '--farm',
    '/root/farm.json',
    '--balancer',
    'lb-1',
    '--no-db-check',
  )
  t.true(steps.includes('/etc/haproxy/haproxy.cfg is written.'))
  t.is(await host.sh('systemd-analyze verify --man=no /etc/systemd/system/tapedeck-lb.service 2>&1'), '')
  await host.sh(
    'systemd-analyze security --offline=yes --threshold=45 /etc/systemd/system/tapedeck-lb.service',
  )
  // Who does not answer yet is waited for.
  t.regex(
    (await host.tapedeck('lb', 'wait', 'node-1', '--seconds', '1')).stderr,
    /not up after 1 s.*\[lb-node\]/,
  )
  const lb = await startUnit(host, 'tapedeck-lb.service')
  await eventually(() => {
    if (!/READY=1[\s\S]*WATCHDOG=1/.test(lb.said())) throw new Error(`not ready: ${lb.said()} ${lb.log()}`)
  })
  t.regex(await host.sh('tapedeck lb status'), /node-1 +nodes/)
  await host.sh('kill -9 $(cat /run/haproxy.pid)')
  await eventually(() => host.sh('tapedeck lb status'))
  // The one command of a change in the farm.
  await host.sh('tapedeck lb add-node node-2 127.0.0.2 && tapedeck lb apply')
  t.regex(await host.sh('tapedeck lb status'), /node-2 +nodes/)
  const doctor = JSON.parse((await host.tapedeck('doctor', '--json')).stdout.toString())
  t.truthy(
    doctor.find(({ code, level }: { code: string; level: string }) => code === 'haproxy' && level === 'ok'),
  )
  t.truthy(
    doctor.find(
      ({ code, level, hint }: Record<string, string>) => code === 'lb-node' && level === 'fail' && hint,
    ),
  )
  await lb.stop()

  const token = `${'s'.repeat(43)}.${'f'.repeat(43)}`
  const image = await install(
    host,
    'agent',
    '--no-identity',
    '--server',
    'rec.example.org',
    '--port',
    '1801',
    '--token',
    token,
  )
  t.false(image.started)
  t.like(JSON.parse(await host.sh('cat /var/lib/tapedeck/agent/agent.json')), {
    url: 'https://rec.example.org:1801',
    host: true,
  })
  t.is(await host.sh('cat /var/lib/tapedeck/agent/enrolment-token'), token)
  t.is(await host.sh('ls /var/lib/tapedeck/agent/agent.key 2>/dev/null || :'), '')
  t.false((await host.sh('cat /var/log/tapedeck/install.log')).includes(token))
  t.is(await host.sh('systemd-analyze verify --man=no /etc/systemd/system/tapedeck-agent.service 2>&1'), '')

  // An upgrade brings its recorder, and changes what its flags name.
  await host.addUser('ward')
  await host.addUser('breakglass')
  await host.sh('tapedeck host enable --users "*" --except breakglass --acknowledge ask')
  const recorder = '/usr/local/lib/tapedeck/recorder'
  await host.sh(`cp ${recorder} /root/recorder && echo '# of before' >>${recorder}`)
  await install(host, 'agent', '--no-identity')
  t.is(await host.sh(`cmp ${recorder} /root/recorder`), '')
  await install(host, 'agent', '--no-identity', '--users', 'ward,breakglass')
  const settings = await host.sh('cat /etc/tapedeck/host.conf')
  t.regex(settings, /^users=ward,breakglass$[\s\S]*^except=breakglass$[\s\S]*^acknowledge=ask$/m)

  // A node at one address is asked there, by a certificate that names it.
  await install(host, 'all-in-one', '--listen', '192.0.2.5')
  for (const file of ['/var/lib/tapedeck/agent/agent.json', '/var/lib/tapedeck-node/client.json'])
    t.is(JSON.parse(await host.sh(`cat ${file}`)).url, 'https://192.0.2.5:443', file)
  const certificate = new X509Certificate(await host.sh('cat /var/lib/tapedeck-node/node/tls.crt'))
  t.is(certificate.checkIP('192.0.2.5'), '192.0.2.5')
})

test('what cannot be installed is said with the next step, and nothing is changed', async (t) => {
  const host = await openTestHost(t)
  await host.sh('touch /root/before')
  const cases: [string[], RegExp][] = [
    [['king'], /no role king.*\[role\]\n.*all-in-one/],
    [['node', '--https-port', '70000'], /whole number from 0 to 65535/],
    [
      ['node', '--name', 'a b', '--listen', 'x', '--public-url', 'ftp://x'],
      /host: expected[\s\S]*publicUrl: expected[\s\S]*name: expected/,
    ],
    [['node', '--tls-cert', '/root/x'], /\[tls\]/],
    [['node', '--catalog', 'postgres://u:secret@db/c'], /put that into a file/],
    [['node', '--catalog', 'postgres://u@127.0.0.1:1/c'], /cannot be used[\s\S]*Nothing was changed/],
    [['node', '--redis', 'redis://127.0.0.1:1'], /redis.*ECONNREFUSED/],
    [['node', '--import', '/root/none'], /belongs to no farm yet.*\[farm\]\n.*--farm-id/],
    [
      ['node', '--no-identity', '--import', '/root/none'],
      /with its keys.*\[import\]\n.*without --no-identity/,
    ],
    [['agent', '--import', '/root/none', '--farm-id', 'x'], /makes a node.*\[import\]/],
    [['lb', '--import', '/root/none'], /makes a node.*\[import\]/],
    [['node', '--policy', 'all'], /no policy all.*\[policy\]\n.*do-not-record/],
    [['lb', '--farm', '/root/none'], /\[farm-file\]/],
    [['agent', '--server', 'a b'], /\[server\]/],
    [['agent', '--server', 'localhost', '--port', '1'], /not enrolled.*\[token\]/],
  ]
  for (const [args, said] of cases) {
    const { status, stderr } = await host.tapedeck('install', ...args)
    t.not(status, 0, args.join(' '))
    t.regex(stderr, said, args.join(' '))
    t.is(await host.sh(traces), '', args.join(' '))
  }
  const asUser = await host.run([
    'setpriv',
    '--reuid',
    '65534',
    '/bin/sh',
    '-c',
    'cd / && "$0" install node',
    `${process.cwd()}/tapedeck`,
  ])
  t.regex(asUser.stderr, /needs root.*\[root\]/)
})
