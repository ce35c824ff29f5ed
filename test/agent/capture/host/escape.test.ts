import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'ava'
import { eventually } from '../../../helpers/eventually.ts'
import { openRecordedHost } from '../../../helpers/recorded-host.ts'
import { noTestHosts } from '../../../helpers/test-host.ts'

// What a recorded user may try. Each try is impossible, or it is recorded all the same; what is neither is named by
// `tapedeck doctor`, and tested there.

const reason = noTestHosts()
const onHosts = reason ? test.skip : test
if (reason) test.skip(`host tests: ${reason}`, () => undefined)

onHosts(
  'the recorder cannot be killed, stopped, traced or read, nor its logs, nor the terminal behind it',
  async (t) => {
    t.timeout(90_000)
    const host = await openRecordedHost(t)
    const said = await host.asAda(`
    recorder=$PPID
    for signal in KILL STOP HUP TERM; do kill -$signal $recorder && echo broken-kill; done
    strace -p $recorder 2>&1 | head -n 3 | grep -q attached && echo broken-trace
    cat /proc/$recorder/environ /proc/$recorder/mem && echo broken-proc
    ls /run/tapedeck/run /run/tapedeck/asks /run/tapedeck/ttys && echo broken-ls
    ls -l /proc/$recorder/fd && echo broken-fd
    for tty in /dev/pts/*; do [ $tty = $(tty) ] || [ $tty = /dev/pts/ptmx ] || { echo past-the-log >$tty && echo broken-write; cat <$tty && echo broken-read; }; done
    sudo -n -l | grep -c NOPASSWD
    sudo -n id && echo broken-sudo
    sudo -n /usr/local/lib/tapedeck/recorder with arguments && echo broken-arguments
  `)
    t.notRegex(said, /^broken/m)
    t.regex(said, /Operation not permitted/)
    t.regex(said, /^1\r$/m)
    const recorded = await host.recorded()
    t.true(recorded.includes('Operation not permitted'))
    // What was said on the terminal is what was recorded, from the shell's first byte on.
    const from = said.indexOf('recorder=$PPID')
    t.true(recorded.includes(said.slice(from, said.indexOf("do''ne", from))))
  },
)

onHosts('files that a shell runs at its start come after the recorder, and sshd runs none', async (t) => {
  t.timeout(90_000)
  const host = await openRecordedHost(t)
  await host.sh(`cd ~ada
    for file in .bashrc .bash_profile .profile .zshenv .zprofile; do echo 'echo escaped-by-'$file' >&2; exec bash --norc -i' >$file; done
    printf '#!/bin/sh\\necho rc ran >/tmp/rc-ran\\n' >.ssh/rc
    printf 'LD_PRELOAD=/tmp/evil.so\\nBASH_ENV=/tmp/evil\\nENV=/tmp/evil\\nSHELL=/bin/zsh\\n' >.ssh/environment
    chown -R ada .`)
  const pty = host.pty(host.ssh('ada', '-tt', '--'))
  await pty.waitFor('escaped-by-.bash_profile')
  await eventually(() => assert.match(pty.output().toString(), /\$ $/))
  pty.write('echo se""cret; env | grep --color=never -E "^(LD_PRELOAD|BASH_ENV|ENV)=|^SHELL="; exit\r')
  await pty.ended()
  const recorded = await host.recorded()
  t.true(recorded.includes('escaped-by-.bash_profile'))
  t.true(recorded.includes('secret'))
  t.true(recorded.includes('SHELL=/bin/bash'))
  t.notRegex(recorded, /LD_PRELOAD=|^ENV=/m)
  await t.throwsAsync(() => host.sh('cat /tmp/rc-ran'))
  // bash reads .bashrc for commands of sshd too; the shell that it becomes is between the same pipes.
  const command = await host.run(host.ssh('ada', '--', 'true'), { input: Buffer.from('echo by-comm""and\n') })
  t.is(command.stdout.toString(), 'by-command\n')
  t.true((await host.recorded()).includes('by-command'))
})

for (const [what, args, input] of [
  ['ssh host bash -i', ['--', 'bash -i'], 'echo typed-$((6*7))\nexit 6\n'],
  ['ssh -T host', ['-T', '--'], 'echo typed-$((6*7))\nexit 6\n'],
  ['ssh host sh -s', ['--', 'sh -s'], 'echo typed-$((6*7))\nexit 6\n'],
  ['ssh host python3 -', ['--', 'python3 -'], 'print("typed-%d" % (6*7))\nraise SystemExit(6)\n'],
] as const)
  onHosts(`${what}: input and output are recorded, the status comes through`, async (t) => {
    t.timeout(90_000)
    const host = await openRecordedHost(t)
    const { status, stdout } = await host.run(host.ssh('ada', ...args), { input: Buffer.from(input) })
    t.is(status, 6)
    t.true(stdout.toString().includes('typed-42'))
    t.true((await host.recorded()).includes('typed-42'))
    t.true((await host.sh('cat /run/tapedeck/run/*/log/in')).includes(input.trim()))
  })

onHosts('passwords that arrive as input are not kept; their number of bytes and digest are', async (t) => {
  t.timeout(90_000)
  const host = await openRecordedHost(t)
  const input = Buffer.from('hunter2\n')
  const { status, stdout } = await host.run(host.ssh('ada', '--', 'wc -c'), { input })
  t.is(status, 0)
  t.is(stdout.toString().trim(), '8')
  t.false((await host.recorded()).includes('hunter2'))
  await eventually(async () => {
    if ((await host.sh("grep -h ' bytes ' /run/tapedeck/run/*/log/in.bytes | cut -d ' ' -f 1")) !== '8')
      throw new Error('Not counted yet.')
  })
  t.is(
    await host.sh('cut -d " " -f 1 /run/tapedeck/run/*/log/in.sha256'),
    createHash('sha256').update(input).digest('hex'),
  )
})

onHosts(
  'every process of the user killed at once: the session ends, and what it had shown is recorded',
  async (t) => {
    t.timeout(90_000)
    const host = await openRecordedHost(t)
    const pty = host.pty(host.ssh('ada', '-tt', '--'))
    await pty.waitFor('$ ')
    pty.write('echo last-$((1+1))-words; kill -9 -1\r')
    await pty.ended()
    await eventually(async () => {
      if (!(await host.recorded()).includes('last-2-words')) throw new Error('Not there.')
    })
    t.pass()
  },
)

onHosts('a shell left behind in tmux is recorded where it is shown again', async (t) => {
  t.timeout(90_000)
  const host = await openRecordedHost(t)
  await host.asAda(
    'tmux new-session -d -s left "bash --norc"; tmux send-keys -t left "echo in-the-back-$((40+2))" Enter',
  )
  const pty = host.pty(host.ssh('ada', '-tt', '--', 'tmux attach -t left'))
  await pty.waitFor('in-the-back-42')
  pty.write('exit\r')
  await pty.ended()
  const attached = (await host.recorded()).lastIndexOf('in-the-back-42')
  t.true(attached >= 0)
})

onHosts(
  'su: to a recorded user it is a recorded session, whatever the environment and the input are',
  async (t) => {
    t.timeout(90_000)
    const host = await openRecordedHost(t)
    // eve is not recorded, knows ada's password and owns the terminal.
    await host.sh(
      `mkdir /tmp/evil; for name in sudo tr sed id head logger; do printf '#!/bin/sh\\necho evil-%s >&2; exec /bin/bash --norc -i\\n' $name >/tmp/evil/$name; done; chmod -R 755 /tmp/evil`,
    )
    const pty = host.pty(host.ssh('eve', '-tt', '--'))
    const before = async () => (await host.sh('stat -c "%U %a" /dev/pts/[0-9]*')).split('\n').sort().join()
    await pty.waitFor('$ ')
    const owners = await before()
    pty.write(
      'PATH=/tmp/evil:$PATH LD_PRELOAD=/tmp/evil/x.so BASH_ENV=/tmp/evil/sudo ENV=/tmp/evil/sudo su -p ada\r',
    )
    await pty.waitFor('assword:')
    pty.write('correct-horse\r')
    await eventually(() => {
      if (!/ada@|\$ $/.test(pty.output().toString().split('assword:')[1]!)) throw new Error('No shell yet.')
    })
    pty.write('echo as-ada-$((20+22)) $UID; exit\r')
    await pty.waitFor('as-ada-42')
    await pty.waitFor('$ ')
    t.false(pty.output().toString().includes('evil-'))
    t.true((await host.recorded()).includes('as-ada-42'))
    // The terminal is eve's again.
    t.is(await before(), owners)
    // Without a terminal on its input, the command still must not reach the terminal past the logs.
    pty.write("su ada -c 'echo past-it >/dev/tty; echo status=$?; echo within-$((40+2))' <<<correct-horse\r")
    await pty.waitFor('$ ')
    pty.write('exit\r')
    await pty.ended()
    const seen = pty.output().toString()
    t.false(/^past-it\r?$/m.test(seen), seen)
  },
)

onHosts('the umask is the user’s own, and the recorder leaves no core dump', async (t) => {
  t.timeout(90_000)
  const host = await openRecordedHost(t)
  await host.sh(`echo 'session optional pam_umask.so umask=027' >>/etc/pam.d/sshd`)
  await host.sh(`echo 'ada - core 2048' >/etc/security/limits.d/ada.conf`)
  const said = await host.asAda('umask; grep core /proc/$PPID/limits')
  t.regex(said, /^0027\r$/m)
  t.regex(said, /Max core file size +0 /)
  t.is((await host.run(host.ssh('ada', '--', 'umask'))).stdout.toString(), '0027\n')
})

onHosts(
  'limits hold for the user and not for the recorder, or the login is refused where they cannot be lifted',
  async (t) => {
    t.timeout(90_000)
    const host = await openRecordedHost(t)
    await host.sh(
      `printf 'ada hard fsize 64\nada soft cpu 5\nada hard as 4000000\n' >/etc/security/limits.d/ada.conf`,
    )
    const mayLift =
      (await host.run(['sh', '-c', 'ulimit -f 64; prlimit --pid $$ --fsize=unlimited'])).status === 0
    if (!mayLift) {
      const { status, stderr } = await host.run(host.ssh('ada', '--', 'echo in'))
      t.is(status, 1)
      t.regex(stderr, /cannot be recorded/)
      return
    }
    const script =
      'ulimit -f; ulimit -t; ulimit -v; yes | head -c 300000; echo all-$((1+1))-shown; yes | head -c 200000 >/tmp/too-big; echo wrote-$?'
    const said = await host.asAda(script)
    t.regex(said, /^64\r\r?\n300\r\r?\n4000000\r$/m)
    t.regex(said, /wrote-(153|1)/)
    const recorded = await host.recorded()
    t.true(recorded.includes('all-2-shown'))
    t.true(recorded.length > 300_000)
  },
)

onHosts('an odd TERM, locale or command makes no other line of the session, and no error', async (t) => {
  t.timeout(90_000)
  const host = await openRecordedHost(t)
  const env = { TERM: 'x\npid=1\nuser=root', LC_ALL: '../../../../tmp/x', LANG: '$(touch /tmp/lang)' }
  const pty = host.pty([
    'env',
    `TERM=${env.TERM}`,
    `LC_ALL=${env.LC_ALL}`,
    `LANG=${env.LANG}`,
    ...host.ssh('ada', '-tt', '--', 'printf "%s\\n" "$0"; echo "a\'b" \'c"d\' $(echo e) \\\n more; exit 3'),
  ])
  t.is(await pty.ended(), 3)
  t.true(pty.output().toString().includes(`a'b c"d e more`))
  const session = await host.sh('cat /run/tapedeck/run/*/session')
  t.regex(session, /^user=ada$/m)
  t.is(session.match(/^pid=/gm)!.length, 1)
  t.regex(session, /^term=odd$/m)
  await t.throwsAsync(() => host.sh('ls /tmp/lang'))
})

onHosts('chsh and an unlisted shell keep the recorder; another login shell is not to be had', async (t) => {
  t.timeout(90_000)
  const host = await openRecordedHost(t)
  const said = await host.asAda(
    'chsh -s /bin/zsh </dev/null; su -s /bin/zsh ada -c true </dev/null; echo fin-$?',
  )
  t.regex(said, /may not change|assword|restricted|failure/i)
  t.regex(await host.sh('getent passwd ada'), /login-shell$/)
})

onHosts('sessions within a recorded session are recorded once, by it', async (t) => {
  t.timeout(90_000)
  const host = await openRecordedHost(t, { users: 'ada,eve' })
  const pty = host.pty(host.ssh('ada', '-tt', '--'))
  await pty.waitFor('$ ')
  pty.write('su - ada\r')
  await pty.waitFor('assword:')
  pty.write('correct-horse\r')
  await pty.waitFor('$ ')
  pty.write('echo inner-$((1+1)); exit\r')
  await pty.waitFor('inner-2')
  pty.write('exit\r')
  await pty.ended()
  t.is((await host.sh('ls /run/tapedeck/run | wc -l')).trim(), '1')
  t.true((await host.recorded()).includes('inner-2'))
})

onHosts('who becomes root by sudo is recorded as root, and is root', async (t) => {
  t.timeout(90_000)
  const host = await openRecordedHost(t, { users: 'root' })
  await host.sh(`echo 'eve ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/eve`)
  const { stdout } = await host.run(host.ssh('eve', '--', 'sudo -n -i id -un'))
  t.is(stdout.toString(), 'root\n')
  t.is((await host.sh('grep -h ^user= /run/tapedeck/run/*/session')).trim(), 'user=root')
})
