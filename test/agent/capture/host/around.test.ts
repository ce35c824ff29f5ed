import test from 'ava'
import { eventually } from '../../../helpers/eventually.ts'
import { openRecordedHost } from '../../../helpers/recorded-host.ts'
import { noTestHosts } from '../../../helpers/test-host.ts'

// Ways around the recorder rather than through it: programs of other names, what a client sends, what is left behind, a full
// log. What stays open is named by `tapedeck doctor`.

const reason = noTestHosts()
const onHosts = reason ? test.skip : test
if (reason) test.skip(`host tests: ${reason}`, () => undefined)

onHosts(
  'neither an own program by the name of one that moves files nor a file of the shell hides a shell',
  async (t) => {
    t.timeout(180_000)
    const host = await openRecordedHost(t)
    await host.sh(`mkdir -p ~ada/bin && cd ~ada/bin
    for name in rsync scp git-upload-pack sftp-server; do printf '#!/bin/sh\\nexec bash\\n' >$name; done
    chmod 755 *; echo 'PATH=~/bin:$PATH; case $0 in */bash | bash | -bash) exec sh -s ;; esac' >../.bashrc`)
    // What a daemon runs before a transfer is a shell of the user's.
    await host.sh(
      `cd ~ada; : >--daemon; printf '[x]\\npath=/tmp\\nearly exec=bash\\npre-xfer exec=bash\\n' >rsyncd.conf`,
    )
    const hidden: string[] = []
    for (const [number, args] of [
      ['-s', '--', 'sftp'],
      ['--', '/home/ada/bin/sftp-server'],
      ['--', 'rsync --server --sender -logDtpre.iLsfxC . x'],
      ['--', '/home/ada/bin/rsync --server'],
      ['--', 'rsync --server\nbash'],
      ['--', 'rsync --server --dae?on --config=rsyncd.conf .'],
      ['--', 'rsync --server -{-daemon,v} --config=rsyncd.conf .'],
      ['--', 'scp -f x'],
      ['--', 'scp -t x\nbash'],
      ['--', "git-upload-pack 'x'"],
      ['--', 'PATH=/home/ada/bin rsync --server'],
    ].entries()) {
      const { stdout, stderr } = await host.run(host.ssh('ada', ...args), {
        input: Buffer.from(`echo way-${number}-$((6*7))\n`),
      })
      const words = `way-${number}-42`
      if (`${stdout}${stderr}`.includes(words) && !(await host.recorded()).includes(words))
        hidden.push(args.join(' '))
    }
    t.deepEqual(hidden, [])
  },
)

onHosts('variables and options that a client sends choose nothing of what is run', async (t) => {
  t.timeout(90_000)
  const host = await openRecordedHost(t)
  await host.sh(`printf 'echo escaped >&2\\nexec bash --norc -i\\n' >/tmp/evil; chmod 644 /tmp/evil`)
  const names = [
    'BASH_ENV',
    'ENV',
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'SHELL',
    'PATH',
    'TAPEDECK_USER',
    'TAPEDECK_UID',
  ]
  const sent = names.flatMap((name) => ['-o', `SetEnv=${name}=/tmp/evil`])
  // OpenSSH takes the first SetEnv only, so each is tried alone and all in one.
  for (const args of [
    ['-o', `SetEnv=${names.map((name) => `${name}=/tmp/evil`).join(' ')}`],
    sent.slice(0, 2),
    sent.slice(4, 6),
  ]) {
    const { stdout, stderr } = await host.run(host.ssh('ada', ...args, '--', 'echo in-$((6*7)); env'))
    t.regex(stdout.toString(), /^in-42$/m)
    t.notRegex(stdout.toString() + stderr, /evil|escaped/)
  }
  t.true((await host.recorded()).includes('in-42'))
})

onHosts('what is left behind by nohup and screen shows nothing that is not recorded', async (t) => {
  t.timeout(90_000)
  const host = await openRecordedHost(t)
  // The terminal is gone with its session: what stays has nowhere to show anything.
  await host.asAda(
    `(nohup sh -c 'until [ -e /tmp/over ]; do sleep 0.1; done; tty; (echo late >/dev/tty) 2>&1; echo fin' </dev/null >/tmp/left 2>&1 &)\nscreen -dmS left sh -c 'echo in-screen-$((40+2)); exec cat'`,
  )
  await host.sh('touch /tmp/over')
  await eventually(async () => {
    if (!(await host.sh('cat /tmp/left')).endsWith('fin')) throw new Error('Not yet.')
  })
  t.regex(await host.sh('cat /tmp/left'), /not a tty[\s\S]*\/dev\/tty/)
  const pty = host.pty(host.ssh('ada', '-tt', '--', 'screen -r left'))
  await pty.waitFor('in-screen-42')
  pty.write('\u0003')
  await pty.ended()
  t.true((await host.recorded()).includes('in-screen-42'))
})

onHosts('a full log ends neither the session nor another one’s recording', async (t) => {
  t.timeout(90_000)
  const host = await openRecordedHost(t, { enable: ['--capture-buffer', '1'] })
  const other = host.pty(host.ssh('ada', '-tt', '--', 'bash --norc'))
  await other.waitFor('$ ')
  const said = await host.asAda('yes full-log | head -c 3000000 | tail -c 40; echo sho""wn')
  t.true(said.includes('shown'))
  const flood = await host.asAda('yes full-log | head -c 3000000; echo ended-$((1+1))')
  t.true(flood.includes('ended-2'))
  t.false((await host.recorded()).includes('ended-2'))
  other.write('echo other-$((2+2)); exit\r')
  await other.ended()
  t.true((await host.recorded()).includes('other-4'))
})

onHosts('what remains open is named by doctor', async (t) => {
  t.timeout(90_000)
  const host = await openRecordedHost(t, { users: 'ada', sshd: { AllowTcpForwarding: 'yes' } })
  await host.sh(
    'rm -f /etc/at.deny /etc/at.allow /etc/cron.allow /etc/cron.deny; mkdir -p /var/lib/systemd/linger; touch /var/lib/systemd/linger/ada',
  )
  const { stdout } = await host.tapedeck('doctor')
  const said = stdout.toString()
  for (const code of ['forwarding', 'linger', 'not-recorded']) t.true(said.includes(`[${code}]`), said)
  if ((await host.run(['test', '-x', '/usr/bin/at'])).status === 0) t.true(said.includes('[at]'), said)
  // One that is closed is named no more.
  await host.sh(
    `printf 'AllowTcpForwarding no\\nAllowStreamLocalForwarding no\\n' >/etc/ssh/sshd_config.d/01-none.conf; rm /var/lib/systemd/linger/ada`,
  )
  const after = (await host.tapedeck('doctor')).stdout.toString()
  for (const code of ['forwarding', 'linger']) t.false(after.includes(`[${code}]`), after)
})
