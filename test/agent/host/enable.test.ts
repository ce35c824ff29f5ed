import test from 'ava'
import { noTestHosts, openTestHost, type TestHost } from '../../helpers/test-host.ts'

const reason = noTestHosts()
const onHosts = reason ? test.skip : test
if (reason) test.skip(`host tests: ${reason}`, () => undefined)

/**
 * All that enable may touch, by content, what is large by size and time; backups of the accounts' tools apart, which any
 * change of an account makes.
 */
const traces = (host: TestHost) =>
  host.sh(`find /etc /usr/local /var/lib -xdev -type f ! -name '*-' ! -path '/etc/.pwd.lock' ! -path '/var/lib/*/*' \\
    '(' -size +100k -fprintf /tmp/large '%p %s %T@ %C@\\n' -o -print0 ')' | sort -z | xargs -0 sha256sum
    sort /tmp/large; find /usr/local /var/lib /etc -xdev -type d | grep -v /run/ | sort; stat -c '%a %u %g' /etc/passwd /etc/ssh/sshd_config`)

onHosts('enable sends users and members of groups to the recorder; disable leaves no trace', async (t) => {
  const host = await openTestHost(t)
  await host.addUser('ada')
  await host.addUser('carl', { shell: '/usr/bin/zsh', groups: ['clinic'] })
  await host.addUser('dora', { groups: ['clinic'] })
  await host.addUser('eve')
  await host.startSshd()
  const before = await traces(host)
  const enabled = await host.tapedeck(
    'host',
    'enable',
    '--users',
    'ada',
    '--groups',
    'clinic',
    '--except',
    'dora',
  )
  t.is(enabled.status, 0, enabled.stderr)
  const { accounts, problems } = JSON.parse(
    (await host.tapedeck('host', 'status', '--json')).stdout.toString(),
  )
  t.deepEqual(problems, [])
  t.deepEqual(
    accounts.map(({ name, shell, barrier, recorded }: Record<string, unknown>) => [
      name,
      shell,
      barrier,
      recorded,
    ]),
    [
      ['ada', '/bin/bash', 'shell', true],
      ['carl', '/usr/bin/zsh', 'shell', true],
    ],
  )
  t.regex(await host.sh('getent passwd ada'), /:\/usr\/local\/lib\/tapedeck\/login-shell$/)
  for (const other of ['dora', 'eve', 'root']) t.notRegex(await host.sh(`getent passwd ${other}`), /tapedeck/)
  t.is((await host.run(host.ssh('carl', '--', 'exit 9'))).status, 9)
  // Who may not change the shell of an account with an unlisted shell: nobody but root.
  t.regex(
    (await host.run(['su', 'ada', '-c', 'chsh -s /bin/bash </dev/null'])).stderr,
    /may not change|password/i,
  )

  const again = await host.tapedeck('host', 'enable', '--users', 'eve', '--json')
  t.deepEqual(JSON.parse(again.stdout.toString()).released, ['ada'])
  t.is((await host.tapedeck('host', 'disable')).status, 0)
  t.is(await traces(host), before)
  t.is((await host.run(host.ssh('carl', '--', 'echo $0'))).stdout.toString(), 'zsh\n')
})

onHosts('new members of a group are covered by sync, and missing until then', async (t) => {
  const host = await openTestHost(t)
  await host.addUser('ada', { groups: ['clinic'] })
  await host.addUser('bob')
  await host.tapedeck('host', 'enable', '--groups', 'clinic')
  await host.sh('usermod -a -G clinic bob')
  const status = await host.tapedeck('host', 'status', '--json')
  t.is(status.status, 0)
  const bob = JSON.parse(status.stdout.toString()).accounts.find(
    ({ name }: { name: string }) => name === 'bob',
  )
  t.false(bob.recorded)
  t.is((await host.tapedeck('host', 'status')).status, 1)
  t.is((await host.tapedeck('host', 'sync')).status, 0)
  t.regex(await host.sh('getent passwd bob'), /login-shell$/)
})

onHosts('what cannot be done is refused with a reason, and nothing is changed', async (t) => {
  const host = await openTestHost(t)
  await host.addUser('ada')
  const before = await traces(host)
  const refused = async (args: string[], code: string) => {
    const { status, stderr } = await host.tapedeck('host', 'enable', ...args)
    t.is(status, 1, stderr)
    t.true(stderr.includes(`[${code}]`), stderr)
    t.is(await traces(host), before)
  }
  await refused(['--users', 'ada,nobody-here', '--groups', 'no-group'], 'unknown-name')
  await refused(['--users', 'ada:x', '--on-error', 'shrug'], 'settings')
  await refused(['--users', 'nobody'], 'nobody')
  await host.sh(`echo 'ada ALL=(root) NOPASSWD: nonsense nonsense(' >/etc/sudoers.d/broken`)
  const withBroken = await traces(host)
  const broken = await host.tapedeck('host', 'enable', '--users', 'ada')
  t.true(broken.stderr.includes('[sudoers]'), broken.stderr)
  t.is(await traces(host), withBroken)
  await host.sh('rm /etc/sudoers.d/broken; echo Nonsense yes >/etc/ssh/sshd_config.d/broken.conf')
  const broken2 = await host.tapedeck('host', 'enable', '--users', 'ada')
  t.true(broken2.stderr.includes('[sshd]'), broken2.stderr)
  await host.sh('rm /etc/ssh/sshd_config.d/broken.conf')
  t.is(await traces(host), before)
})

onHosts('a test login that fails puts everything back', async (t) => {
  const host = await openTestHost(t)
  await host.addUser('ada')
  // A site whose sudo is broken in a way that only a try shows.
  await host.sh(
    'chmod 000 /etc/sudo.conf; echo "Plugin sudoers_policy missing.so" >/etc/sudo.conf; chmod 644 /etc/sudo.conf',
  )
  const before = await traces(host)
  const { status, stderr } = await host.tapedeck('host', 'enable', '--users', 'ada')
  t.is(status, 1)
  t.regex(stderr, /\[(test-login|sudoers)\]/)
  t.is(await traces(host), before)
  t.is((await host.run(['su', 'ada', '-c', 'exit 5'])).status, 5)
})

onHosts('sftp comes out of sshd, and goes back', async (t) => {
  const host = await openTestHost(t)
  await host.addUser('ada')
  await host.sh(`sed -i 's|^Subsystem.*|Subsystem sftp internal-sftp -u 0007|' /etc/ssh/sshd_config`)
  const before = await traces(host)
  t.is((await host.tapedeck('host', 'enable', '--users', 'ada')).status, 0)
  t.regex(await host.sh('/usr/sbin/sshd -T'), /subsystem sftp \/usr\/lib\/openssh\/sftp-server -u 0007/)
  await host.startSshd()
  t.is(
    (await host.run(['scp', '-q', '-o', 'StrictHostKeyChecking=no', '/etc/hostname', 'ada@localhost:copied']))
      .status,
    0,
  )
  t.is((await host.tapedeck('host', 'disable')).status, 0)
  t.is(await traces(host), before)
})

onHosts('without an include the settings go to the beginning of sshd_config, and out of it', async (t) => {
  const host = await openTestHost(t)
  await host.addUser('ada')
  await host.sh(`sed -i '/^Include/d' /etc/ssh/sshd_config; echo 'PermitUserRC yes' >>/etc/ssh/sshd_config`)
  const before = await traces(host)
  t.is((await host.tapedeck('host', 'enable', '--users', 'ada')).status, 0)
  t.regex(await host.sh('/usr/sbin/sshd -T'), /permituserrc no/)
  t.is((await host.tapedeck('host', 'disable')).status, 0)
  t.is(await traces(host), before)
})

onHosts('root gets in whatever happens to the recorder', async (t) => {
  const host = await openTestHost(t)
  await host.addUser('ada')
  t.is((await host.tapedeck('host', 'enable', '--users', 'root,ada', '--on-error', 'skip')).status, 0)
  await host.sh('rm -rf /run/tapedeck; touch /run/tapedeck')
  const root = await host.run(['su', '-', 'root', '-c', 'id -u; exit 4'])
  t.is(root.stdout.toString(), '0\n')
  t.is(root.status, 4)
  const ada = await host.run(['su', '-', 'ada', '-c', 'echo in'])
  t.is(ada.stdout.toString(), '')
  t.regex(ada.stderr, /cannot be recorded/)
  t.is(
    (await host.tapedeck('host', 'enable', '--users', 'root,ada', '--on-recorder-failure', 'allow')).status,
    0,
  )
  t.is((await host.run(['su', '-', 'ada', '-c', 'echo in'])).stdout.toString(), 'in\n')
})
