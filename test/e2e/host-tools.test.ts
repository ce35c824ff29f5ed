import test from 'ava'
import { eventually } from '../helpers/eventually.ts'
import { needing } from '../helpers/needs.ts'
import { openRecordedHost } from '../helpers/recorded-host.ts'
import { noTestHosts } from '../helpers/test-host.ts'

// Tools that come by ssh do the same on the account of ada, who is recorded, and of eve, who is not.

const reason = noTestHosts()
const onHosts = reason ? test.skip : test
if (reason) test.skip(`host tests: ${reason}`, () => undefined)

const withMosh = reason ? test.skip : needing(test, '/usr/bin/mosh')

const ssh = 'ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR'
const options = ssh.slice('ssh '.length)
/** What lies in a folder: names, kinds, modes, times and contents. */
const tree = (folder: string) =>
  `cd ${folder} && find . -path ./.git -prune -o -printf '%p %y %m %l %TY-%Tm-%Td\\n' | sort && find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum`

const tools: [string, (user: string) => string][] = [
  [
    'git clone, push and fetch',
    (user) => `git init -q -b main --bare ~${user}/r.git; chown -R ${user} ~${user}/r.git
      export GIT_SSH_COMMAND='${ssh}'; git -C /srv/files push -q ssh://${user}@localhost/home/${user}/r.git main
      rm -rf /srv/clone; git clone -q ssh://${user}@localhost/home/${user}/r.git /srv/clone; ${tree('/srv/clone')}`,
  ],
  [
    'rsync -a there and back',
    (user) => `rsync -a -e '${ssh}' /srv/files/ ${user}@localhost:files/
      rm -rf /srv/back; rsync -a -e '${ssh}' ${user}@localhost:files/ /srv/back/; ${tree('/srv/back')}`,
  ],
  [
    'scp -r of both kinds',
    (user) => `scp -q -r -p ${options} /srv/files ${user}@localhost:by-sftp
      scp -q -O -r -p ${options} /srv/files ${user}@localhost:by-scp
      rm -rf /srv/back; scp -q -O -r -p ${options} ${user}@localhost:by-scp /srv/back; ${tree('/srv/back')}; ${tree(`~${user}/by-sftp`)}`,
  ],
  [
    'sftp, and what it says of a missing file',
    (user) => `printf 'put /srv/files/big\\nls -1\\nget big /srv/got\\nget missing\\n' >/srv/batch
      sftp -q ${options} -b /srv/batch ${user}@localhost 2>&1 | grep -v '^sftp> ls' ; sha256sum </srv/got`,
  ],
  [
    'ansible -m ping with become',
    (
      user,
    ) => `export ANSIBLE_HOST_KEY_CHECKING=False ANSIBLE_SSH_ARGS='${options} -o ControlMaster=auto -o ControlPersist=30' ANSIBLE_NOCOLOR=1 ANSIBLE_HOME=/srv/ansible ANSIBLE_LOCAL_TEMP=/srv/ansible/tmp LC_ALL=C.UTF-8
      ansible all -i localhost, -u ${user} -e ansible_become_password=correct-horse -o -m ping --become`,
  ],
]

onHosts('git, rsync, scp, sftp and ansible do what they do without us', async (t) => {
  t.timeout(300_000)
  const host = await openRecordedHost(t)
  await host.run(['chpasswd'], { input: Buffer.from('eve:correct-horse\n') })
  await host.sh(`printf 'ada ALL=(ALL) ALL\\neve ALL=(ALL) ALL\\n' >/etc/sudoers.d/both
    mkdir /srv/files; cd /srv/files; head -c 3000000 /dev/urandom >big; echo small >'odd name'; ln -s big link
    mkdir -p a/b; : >a/b/empty; chmod 751 a; touch -d 2020-02-02 a/b/empty
    git init -q -b main; git add .; git -c user.name=a -c user.email=a@b commit -q -m x`)
  for (const [what, script] of tools) {
    if (what.startsWith('ansible') && (await host.run(['sh', '-c', 'command -v ansible'])).status !== 0) {
      t.log('ansible is not installed: not compared')
      continue
    }
    const results: string[] = []
    for (const user of ['ada', 'eve']) {
      const { status, stdout, stderr } = await host.run(['bash', '-c', script(user)])
      results.push(`${stdout}${stderr}status ${status}`.replaceAll(user, 'USER'))
    }
    t.is(results[0], results[1], what)
    t.regex(results[0]!, /status 0$/, what)
  }
})

withMosh('a session by mosh is recorded: a plain login, and a command of its own', async (t) => {
  t.timeout(120_000)
  const host = await openRecordedHost(t, { sshd: { AcceptEnv: 'LC_*' } })
  t.true((await host.tapedeck('doctor')).stdout.toString().includes('[mosh]'))
  const locale = { LC_ALL: 'C.UTF-8', LANG: 'C.UTF-8', TERM: 'xterm' }
  const mosh = (...command: string[]) =>
    host.pty([
      'env',
      ...Object.entries(locale).map(([key, value]) => `${key}=${value}`),
      'mosh',
      `--ssh=${ssh}`,
      ...command,
    ])
  const login = mosh('ada@localhost')
  await login.waitFor('$ ')
  login.write('echo by-mosh-$((40+2))\r')
  await login.waitFor('by-mosh-42')
  login.write('exit\r')
  await login.ended()
  const command = mosh('ada@localhost', '--', 'bash', '-i')
  await command.waitFor('$ ')
  command.write('echo own-shell-$((40+2))\r')
  await command.waitFor('own-shell-42')
  command.write('exit\r')
  await command.ended()
  await eventually(async () => {
    if (/mosh|login-shell/.test(await host.sh('ps -eo comm'))) throw new Error('mosh still runs.')
  })
  const recorded = await host.recorded()
  t.false(recorded.includes('MOSH CONNECT'), 'its key is not kept')
  for (const said of ['by-mosh-42', 'own-shell-42']) t.true(recorded.includes(said), said)
})
