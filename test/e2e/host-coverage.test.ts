import test from 'ava'
import { eventually } from '../helpers/eventually.ts'
import { openRecordedFarm } from '../helpers/recorded-farm.ts'
import { noTestHosts } from '../helpers/test-host.ts'

// A login without a recording is an event at the farm and an alarm; one that was decided not to be recorded is none.

const reason = noTestHosts()
const onHosts = reason ? test.skip : test.serial
if (reason) test.skip(`host tests: ${reason}`, () => undefined)

interface Status {
  coverage: { logins: number; unrecorded: number }
}

onHosts('a login that got around the recorder is told to the farm, once, and named by doctor', async (t) => {
  t.timeout(400_000)
  const farm = await openRecordedFarm(t)
  const status = async () =>
    JSON.parse(
      (await farm.tapedeck('status', '--home', '/var/lib/tapedeck', '--json')).stdout.toString(),
    ) as Status
  const counts = (expected: Status['coverage']) =>
    eventually(async () => {
      const { coverage } = await status()
      if (JSON.stringify(coverage) !== JSON.stringify(expected)) throw new Error(JSON.stringify(coverage))
    })
  const alarms = () =>
    farm.sh(`grep -h '"code":"unrecorded-login"' /srv/farm/node/node.log | grep -c '"user":"ada"' || :`)
  const unrecordedLogins = async () =>
    (await farm.json<{ host: string; unrecordedLogins?: number }[]>('agent list')).find(
      (agent) => agent.unrecordedLogins !== undefined,
    )?.unrecordedLogins

  const recorded = farm.pty(farm.ssh('ada', '-tt', '--'))
  await recorded.waitFor('$ ')
  await counts({ logins: 1, unrecorded: 0 })
  t.is(await unrecordedLogins(), 0)
  // As its operator asks: the host's own agent.
  const asked = await farm.sh(`env -u TAPEDECK_HOME HOME=/nonexistent ${process.cwd()}/tapedeck status`)
  t.regex(asked, /^logins +1, 0 unrecorded$/m)

  // Somebody gives ada her shell back behind our back.
  await farm.sh('usermod -s /bin/bash ada')
  const around = farm.pty(farm.ssh('ada', '-tt', '--', 'bash --norc'))
  await around.waitFor('$ ')
  const short = farm.pty(farm.ssh('ada', '-tt', '--', 'echo short'))
  await short.ended()
  await counts({ logins: 2, unrecorded: 1 })
  await eventually(async () => {
    if ((await alarms()) !== '2')
      throw new Error(
        await farm.sh('cat /srv/farm/node/node.log; cat /var/log/tapedeck-agent.log; ls /srv/farm/node'),
      )
  })
  t.is(await unrecordedLogins(), 2)
  const metrics = await farm.sh(
    `python3 -c "import ssl, urllib.request as r; print(r.urlopen('https://localhost:8443/metrics', context=ssl._create_unverified_context()).read().decode())"`,
  )
  t.regex(metrics, /^tapedeck_unrecorded_logins\{[^}]*\} 2$/m)
  t.regex(metrics, /^tapedeck_unrecorded_logins_total\{[^}]*\} 2$/m)
  t.regex(
    (await farm.tapedeck('agent', 'list', '--home', '/srv/farm')).stdout.toString(),
    /2 LOGINS UNRECORDED/,
  )
  const doctor = await farm.tapedeck('doctor', '--home', '/srv/farm')
  t.is(doctor.status, 1)
  t.regex(doctor.stdout.toString(), /1 of 2 logins are not recorded now\. \[unrecorded-login\]/)
  t.regex(doctor.stdout.toString(), /Logins of ada are not recorded: .* \[not-covered\]/)

  // Told again by an agent that was away, they are the same.
  await farm.killAgent()
  await farm.startAgent()
  await counts({ logins: 2, unrecorded: 1 })
  await eventually(async () => {
    if ((await unrecordedLogins()) !== 1) throw new Error('Not told yet.')
  })
  t.is(await alarms(), '2')
  around.write('exit\r')
  await around.ended()
  await counts({ logins: 1, unrecorded: 0 })
  recorded.write('exit\r')
  await recorded.ended()
})
