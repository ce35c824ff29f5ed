import test from 'ava'
import { eventually } from '../helpers/eventually.ts'
import type { Pty } from '../helpers/pty.ts'
import { openRecordedFarm, type RecordedFarm } from '../helpers/recorded-farm.ts'
import { noTestHosts } from '../helpers/test-host.ts'
import type { Listed } from '../helpers/up.ts'

// However a session ends: its recording says how, has all that was shown, and the host keeps nothing of it.

const reason = noTestHosts()
const onHosts = reason ? test.skip : test.serial
if (reason) test.skip(`host tests: ${reason}`, () => undefined)

interface Ended {
  endReason: string
  exit?: number
  signal?: number
}

const start = async (farm: RecordedFarm, command: string): Promise<Pty> => {
  const pty = farm.pty(farm.ssh('ada', '-tt', '--', command))
  await pty.waitFor('shown')
  return pty
}

/** A pid of the host, by a pattern of its command line. */
const pidOf = (farm: RecordedFarm, pattern: string) => farm.sh(`pgrep -f '${pattern}'`)

const ended = async (farm: RecordedFarm, command: string): Promise<Listed & Ended> => {
  const [row] = await farm.complete(command)
  return await farm.json<Listed & Ended>('show', row!.id)
}

onHosts(
  'exit, disconnect, kill of sshd and of the recorder: each end is told, and nothing is left',
  async (t) => {
    t.timeout(300_000)
    const farm = await openRecordedFarm(t)
    const whole = async (command: string) => {
      const { id } = await ended(farm, command)
      t.true((await farm.output(id)).includes('shown'), command)
      t.true((await farm.json<{ whole: boolean }>('verify', id)).whole, command)
    }

    const exits = await start(farm, 'echo sho""wn; : by exit; exit 7')
    t.is(await exits.ended(), 7)
    t.like(await ended(farm, 'echo sho""wn; : by exit'), { endReason: 'exit', exit: 7 })

    const killed = await start(farm, 'echo sho""wn; kill -9 $$')
    t.is(await killed.ended(), 137)
    t.like(await ended(farm, 'echo sho""wn; kill'), { endReason: 'exit', exit: 137 })

    // Half a line is typed when the client goes away: no end of file reaches the shell, only the hangup does.
    const away = farm.pty(farm.ssh('ada', '-tt', '--', 'HISTFILE=~/history bash --norc'))
    await away.waitFor('$ ')
    away.write('echo sho""wn; sleep 1000 &\r')
    await away.waitFor('shown')
    away.write('half a line')
    await away.waitFor('half a line')
    away.kill()
    t.like(await ended(farm, 'HISTFILE'), { endReason: 'terminated' })
    await whole('HISTFILE')
    await eventually(() => farm.sh('! pgrep -u ada'))
    // The shell was told as without us: it kept its history and ended its jobs.
    t.regex(await farm.sh('cat ~ada/history'), /sleep 1000/)

    const cut = await start(farm, 'echo sho""wn; : by sshd; exec sleep 1001')
    await farm.sh(`kill -9 $(ps -o ppid= -p $(ps -o ppid= -p $(pgrep -f 'script.*session$' | head -n 1)))`)
    await cut.ended()
    t.like(await ended(farm, 'echo sho""wn; : by sshd'), { endReason: 'terminated' })
    await whole('echo sho""wn; : by sshd')
    await eventually(() => farm.sh('! pgrep -u ada'))

    const blind = await start(farm, 'echo sho""wn; : by kill; exec sleep 1002')
    await farm.sh(`kill -9 ${await pidOf(farm, '^script ')}`)
    t.is(await blind.ended(), 137)
    t.like(await ended(farm, 'echo sho""wn; : by kill'), { endReason: 'terminated' })
    await whole('echo sho""wn; : by kill')
    await eventually(() => farm.sh('! pgrep -u ada'))
    t.is(await farm.sh('mount | grep -c /run/tapedeck || :'), '0')
    t.is(await farm.sh('ls /run/tapedeck/run'), '')
  },
)

onHosts('reboot: the kernel’s boot id is another, and what lay in memory is gone', async (t) => {
  t.timeout(300_000)
  const farm = await openRecordedFarm(t)
  await start(farm, 'echo sho""wn; exec sleep 1003')
  const ssh = farm.run(farm.ssh('ada', '--', 'echo sho""wn; exec sleep 1004'))
  // What the agent's disk has survives; that is at most two seconds behind.
  await eventually(async () => {
    const rows = await farm.json<Listed[]>('list')
    for (const { id } of rows)
      if (!(await farm.output(id)).includes('shown')) throw new Error(`Not sent yet: ${JSON.stringify(rows)}`)
    if (rows.length < 2) throw new Error('Not all are listed.')
  })
  await farm.killAgent('SIGKILL')
  await farm.sh(`pkill -9 -f '^script ' ; pkill -9 -u ada; pkill -9 tee
    for mount in $(mount | grep -o '/run/tapedeck/run/[^ ]*'); do umount -l $mount; done
    rm -rf /run/tapedeck; cat /proc/sys/kernel/random/uuid >/run/boot; mount --bind /run/boot /proc/sys/kernel/random/boot_id`)
  await ssh
  await farm.startAgent()
  for (const command of ['echo sho""wn; exec sleep 1003', 'echo sho""wn; exec sleep 1004']) {
    const row = await ended(farm, command)
    t.is(row.endReason, 'lost')
    t.true((await farm.output(row.id)).includes('shown'))
    const report = JSON.parse(
      (await farm.tapedeck('verify', '--home', '/srv/farm', '--json', row.id)).stdout.toString(),
    )
    // All but the gap, which says what nobody can know, is proven.
    t.like(report, { gaps: [{ reason: 'crash' }], unproven: undefined, problems: [] })
  }
  const after = await farm.asAda('echo new-$((1+1))')
  t.true(after.includes('new-2'))
  await farm.complete('/bin/bash')
})
