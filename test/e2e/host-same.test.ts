import test from 'ava'
import { eventually } from '../helpers/eventually.ts'
import { openRecordedHost } from '../helpers/recorded-host.ts'
import { noTestHosts } from '../helpers/test-host.ts'

// What a recorded user does gives what it gives an unrecorded one: the same done as ada, who is recorded, and as eve.

const reason = noTestHosts()
const onHosts = reason ? test.skip : test
if (reason) test.skip(`host tests: ${reason}`, () => undefined)

/** One connection for all commands of a user. */
const shared = ['-oControlMaster=auto', '-oControlPath=/tmp/ssh-%r', '-oControlPersist=60']
const big = `head -c 2000000 /dev/urandom`
const commands: [string, string | Buffer][] = [
  ['true', ''],
  ['exit 255', ''],
  ['echo out; echo err >&2; exit 3', ''],
  ['printf "%s|" "$0" "$-" "$SHLVL" "$SHELL" "$PWD" "$HOME" "$#"', ''],
  ['env | grep -v "^SSH_\\|^_=" | sed "s/ada/USER/g; s/eve/USER/g" | sort', ''],
  [
    'umask; ulimit -a; nice; id -G | wc -w; cat /proc/self/status | grep -E "^(Sig(Blk|Ign|Cgt)|NoNewPrivs|Seccomp|Cap)"',
    '',
  ],
  ['cat', Buffer.from([0, 1, 2, 255, 254, 10, 13, 27, 0])],
  ['wc -c; exit 9', Buffer.alloc(300_000, 7)],
  ['head -c 5', Buffer.alloc(1_000_000, 65)],
  [`${big} >f; sha256sum <f >sum; cat f`, ''],
  ['sleep 0.3 & echo at-once', ''],
  ['exec 1>&-; echo gone 2>&-', ''],
  ['sh -c "kill -TERM \\$\\$"; echo $?', ''],
  ['trap "echo int" INT; kill -INT $$; echo after', ''],
  [
    'python3 -c "import os,sys;print(os.isatty(0),os.isatty(1),sorted(int(f) for f in os.listdir(\'/proc/self/fd\'))[:4])"',
    '',
  ],
  ['echo >/dev/stdout via-dev; echo >/dev/stderr via-err; cat /dev/stdin', 'through'],
  ['cd /; pwd; cd -', ''],
  ['awk \'BEGIN { print ENVIRON["LANG"] }\'; locale 2>/dev/null | head -n 1', ''],
  ['ssh-add -l 2>&1; echo $?', ''],
]

for (const shell of ['/bin/bash', '/usr/bin/zsh', '/usr/bin/fish', '/bin/dash'])
  onHosts(`${shell}: commands give the same output, errors and status`, async (t) => {
    t.timeout(600_000)
    const host = await openRecordedHost(t, { shell })
    await host.sh(`usermod -s ${shell} eve`)
    const own =
      shell === '/usr/bin/fish'
        ? commands.filter(([command]) => !/[$#"]{2}|\$-|\$\$|\$\?|trap|exec|umask/.test(command))
        : commands
    const name = (text: string) => text.replace(/\bada\b/g, 'USER').replace(/\beve\b/g, 'USER')
    for (const [command, input] of own) {
      const [recorded, plain] = await Promise.all(
        ['ada', 'eve'].map((user) =>
          host.run(host.ssh(user, ...shared, '--', command), { input: Buffer.from(input) }),
        ),
      )
      t.is(recorded!.status, plain!.status, command)
      t.is(name(recorded!.stderr), name(plain!.stderr), command)
      if (command.startsWith(big)) t.is(recorded!.stdout.length, plain!.stdout.length)
      else t.is(name(recorded!.stdout.toString('latin1')), name(plain!.stdout.toString('latin1')), command)
    }
    t.is(await host.sh('cd ~ada; [ ! -f f ] || sha256sum <f | cmp - sum; echo same'), 'same')
  })

onHosts(
  'an input that stays open keeps nobody; a process left behind keeps its output as without us',
  async (t) => {
    t.timeout(400_000)
    const host = await openRecordedHost(t)
    await host.sh('mkfifo /tmp/open')
    for (const user of ['ada', 'eve']) {
      const ssh = host
        .ssh(user, '--', 'echo ran')
        .map((word) => `'${word}'`)
        .join(' ')
      t.is(await host.sh(`timeout 15 ${ssh} <>/tmp/open`), 'ran')
      t.is(await host.sh(`timeout 15 ${ssh} </dev/zero`), 'ran')
      t.is(await host.sh(`timeout 15 ${ssh.replace("'ssh'", "'ssh' '-n'")}`), 'ran')
      t.is(
        await host.sh(`timeout 15 ${ssh.replace('echo ran', '(sleep 1; echo late) & echo ran')}`),
        'ran\nlate',
      )
    }
  },
)

onHosts('a command may be over before anything is ready to copy its input', async (t) => {
  t.timeout(120_000)
  const host = await openRecordedHost(t)
  await host.sh(`cp /usr/bin/tee /run/tee; printf '#!/bin/sh\\nsleep 0.5\\nexec /run/tee "$@"\\n' >/run/slow-tee
    chmod 755 /run/slow-tee; mount --bind /run/slow-tee /usr/bin/tee`)
  const { status, stdout } = await host.run(['timeout', '60', ...host.ssh('ada', '--', 'echo ran; exit 3')])
  t.is(status, 3)
  t.is(stdout.toString(), 'ran\n')
  await eventually(() => host.sh('test -e /run/tapedeck/run/*/done'))
})

const stoppable = [
  'import signal',
  'signal.signal(signal.SIGCONT, lambda *_: print("aga" + "in", flush=True))',
  'print("sta" + "rted", flush=True)',
  'while True: signal.pause()',
].join('\r')

onHosts('a terminal: job control, keys, resizes, full screens, large pastes, sudo, passwd', async (t) => {
  t.timeout(600_000)
  const host = await openRecordedHost(t)
  await host.sh(
    `echo 'ada ALL=(ALL) ALL' >/etc/sudoers.d/ada; printf 'PS1="at-prompt: "\nbind "set enable-bracketed-paste off"\n' | tee ~ada/.bashrc >/dev/null`,
  )
  const pty = host.pty(host.ssh('ada', '-tt', '--'), { columns: 90, rows: 20 })
  // Whatever is typed while a program sets its terminal up or leaves it may be thrown away, so each key has its moment.
  const prompt = 'at-prompt: '
  const type = async (keys: string, ...waits: string[]) => {
    pty.write(keys)
    for (const wait of waits) await pty.waitFor(wait)
  }
  const started = 'echo sta""rted'
  await pty.waitFor(prompt)
  await type('stty size\r', '20 90', prompt)
  pty.resize(132, 50)
  await type('until [ "$(stty size)" = "50 132" ]; do sleep 0.1; done; echo res""ized\r', 'resized', prompt)
  // A shell that waits within vfork for a program of its own to begin cannot be stopped; Python has none.
  await type(`python3 -c '${stoppable}'\r`, 'started')
  await type('\u001a', 'Stopped', prompt)
  await type('fg\r', 'again')
  await type('\u0003', prompt)
  await type('sleep 100\r')
  await eventually(() => host.sh('pgrep -u ada -x sleep'))
  await type('\u001a', 'Stopped', prompt)
  await type('fg\r', 'sleep 100')
  await type('\u0003', prompt)
  await type('jobs; echo jobs-$((0))\r', 'jobs-0', prompt)
  await type(`sh -c '${started}; exec cat'\r`, 'started')
  await type('line\r', 'line\r\nline')
  await type('\u0004', prompt)
  await type(`sh -c '${started}; exec sleep 100'\r`, 'started')
  await type('\u001c', 'Quit', prompt)
  await type(
    `cat >pasted <<'END'\r${'a line of a paste, 40 characters long...\r'.repeat(2500)}END\rwc -l pasted\r`,
    '2500 pasted',
    prompt,
  )
  await type('sudo id -u\r', 'for ada: ')
  await type('correct-horse\r', '\n0', prompt)
  await type('passwd\r', 'Current password: ')
  await type('correct-horse\r', 'New password: ')
  await type('new-horse-9\r', 'Retype new password: ')
  await type('new-horse-9\r', 'updated successfully', prompt)
  await type('su - ada -c "echo \\$0-within"\r', 'assword: ')
  await type('new-horse-9\r', '-within', prompt)
  await type('vim.tiny -u NONE pasted\r', '"pasted" 2500')
  await type('Gohello\u001b:wq\r', '2501 lines', prompt)
  await type('less pasted\r', '\u001b[7mpasted')
  await type('Gq', prompt)
  await type('top\r', 'load average')
  await type('q', prompt)
  await type('tmux -f /dev/null\r', '[0]')
  await type('echo in-tm$((1))ux\rexit\r', 'in-tm1ux', '[exited]', prompt)
  await type('screen -c /dev/null\r', prompt)
  await type('echo in-scr$((1))een\r', 'in-scr1een', prompt)
  await type('exit\r', 'terminating', prompt)
  await type('tail -n 1 pasted; echo bye\r', 'hello', prompt)
  pty.write('exit 4\r')
  t.is(await pty.ended(), 4)
  const recorded = await host.recorded()
  for (const seen of ['2500 pasted', 'in-tm1ux', 'in-scr1een', 'updated successfully', 'Stopped'])
    t.true(recorded.includes(seen), seen)
  t.false(recorded.includes('new-horse-9'))
})

onHosts('agent forwarding and X forwarding reach the recorded shell', async (t) => {
  t.timeout(400_000)
  const host = await openRecordedHost(t)
  await host.sh('command -v xauth >/dev/null || exit 0')
  const said = await host.run([
    'sh',
    '-c',
    `eval $(ssh-agent) >/dev/null; ssh-add -q /root/.ssh/id_ed25519; ${host
      .ssh('ada', '-A', '--', 'ssh-add -l | wc -l; echo $SSH_AUTH_SOCK')
      .map((word) => `'${word}'`)
      .join(' ')}; ssh-agent -k >/dev/null`,
  ])
  t.regex(said.stdout.toString(), /^1\n\/tmp\/ssh-/)
})
