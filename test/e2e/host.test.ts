import test from 'ava'
import { openRecordedFarm } from '../helpers/recorded-farm.ts'
import { noTestHosts } from '../helpers/test-host.ts'

const reason = noTestHosts()
const onHosts = reason ? test.skip : test
if (reason) test.skip(`host tests: ${reason}`, () => undefined)

onHosts('a login by ssh is recorded, sent, proven, and its mounts are gone', async (t) => {
  t.timeout(120_000)
  const farm = await openRecordedFarm(t)
  const said = await farm.asAda('echo hello-$((40+2)); stty size')
  const [row] = await farm.complete('/bin/bash')
  t.is(row!.exit, 0)
  const output = (await farm.output(row!.id)).toString()
  t.true(output.includes('hello-42'))
  // From the shell's first byte on: what sshd itself says comes before.
  t.true(said.includes(output))
  const report = await farm.json<{ whole: boolean }>('verify', row!.id)
  t.true(report.whole)
  t.is(await farm.sh('mount | grep -c /run/tapedeck || :'), '0')
  t.is(await farm.sh('ls /run/tapedeck/run'), '')
})

onHosts('commands without a terminal: output, errors, input of scripts, status, transfers', async (t) => {
  t.timeout(180_000)
  const farm = await openRecordedFarm(t)
  const ssh = (command: string, input = '') =>
    farm.run(farm.ssh('ada', '--', command), { input: Buffer.from(input) })
  t.is((await ssh('echo out; echo err >&2; exit 7')).status, 7)
  const [row] = await farm.complete('echo out')
  t.is(row!.exit, 7)
  const events = await farm.events(row!.id)
  t.deepEqual(
    events
      .filter(({ code }) => code === 'o')
      .map(({ data }) => data)
      .sort(),
    ['err\n', 'out\n'],
  )
  const kinds = events.filter(({ code }) => code === 'e').map(({ data }) => JSON.parse(data))
  t.deepEqual(
    kinds.map(({ kind }) => kind),
    ['session-start', 'stderr', 'session-end'],
  )
  t.like(kinds.at(-1), { exit: 7, output: { bytes: 4 }, errors: { bytes: 4 } })

  await ssh('bash -s', 'echo $((6*7))\n')
  const [script] = await farm.complete('bash -s')
  const inputs = (await farm.events(script!.id)).filter(({ code }) => code === 'i')
  t.is(inputs.map(({ data }) => data).join(''), 'echo $((6*7))\n')

  await farm.sh('head -c 3000000 /dev/urandom >/tmp/big; head -c 1000 /dev/zero >/tmp/small')
  const copied = await ssh('cat /tmp/big')
  t.is(copied.stdout.length, 3_000_000)
  const [cat] = await farm.complete('cat /tmp/big')
  t.is(cat!.gaps, 1)
  const recorded = await farm.output(cat!.id)
  t.is(recorded.length, 1024 * 1024)
  t.true(recorded.equals(copied.stdout.subarray(0, recorded.length)))

  const options = '-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR'
  await farm.sh(`set -e; install -d -o ada ~ada/in; scp -q ${options} /tmp/small ada@localhost:by-sftp
    scp -q -O ${options} /tmp/small /tmp/big ada@localhost:in
    rsync -a -e 'ssh ${options}' /tmp/small /tmp/big ada@localhost:synced/
    git init -q -b main /tmp/repo; cd /tmp/repo; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x
    git init -q --bare ~ada/r.git; chown -R ada ~ada/r.git
    GIT_SSH_COMMAND='ssh ${options}' git push -q ssh://ada@localhost/home/ada/r.git main`)
  const moved = async (command: string) => {
    const [one] = await farm.complete(command)
    return (await farm.events(one!.id))
      .filter(({ code }) => code === 'e')
      .map(({ data }) => JSON.parse(data))
      .filter(({ kind }) => kind === 'file-transfer')
      .map(({ means, direction, path, bytes }) => `${means} ${direction} ${path} ${bytes}`)
  }
  t.deepEqual(await moved('/usr/lib/openssh/sftp-server'), ['sftp client-to-host by-sftp 1000'])
  t.deepEqual(await moved('scp '), ['scp client-to-host in/small 1000', 'scp client-to-host in/big 3000000'])
  t.deepEqual((await moved('rsync --server')).sort(), [
    'rsync client-to-host synced/big 3000000',
    'rsync client-to-host synced/small 1000',
  ])
  t.regex((await moved('git-receive-pack'))[0]!, /^git client-to-host \/home\/ada\/r\.git \d+$/)
})
