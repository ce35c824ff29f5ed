import assert from 'node:assert/strict'
import test from 'ava'
import { missingPrograms } from '../helpers/desktop.ts'
import { eventually } from '../helpers/eventually.ts'
import { openRecordedFarm } from '../helpers/recorded-farm.ts'
import { noTestHosts } from '../helpers/test-host.ts'
import type { Listed } from '../helpers/up.ts'

// On a recorded host, without a word in its config: the desktops of recorded users, as the policy says.

const reason = noTestHosts() ?? missingPrograms('Xvnc', 'xsetroot')
const onHosts = reason ? test.skip : test.serial
if (reason) test.skip(`host desktops: ${reason}`, () => undefined)

interface Desktop extends Listed {
  user: string
  type: string
  screenBytes: number
}

onHosts('the desktops of recorded users are recorded, but for whom the policy spares', async (t) => {
  t.timeout(300_000)
  const farm = await openRecordedFarm(t, { users: 'ada,bob', accounts: ['bob', 'eve'] })
  const startDesktop = async (user: string) => {
    const server = `Xvnc -displayfd 3 -geometry 320x240 -SecurityTypes None -rfbport -1 -rfbunixpath /home/${user}/rfb -nolisten tcp`
    await farm.sh(
      `setsid -f runuser -u ${user} -- sh -c 'exec ${server} 3>/home/${user}/display' >/dev/null 2>&1`,
    )
    return eventually(() => farm.sh(`test -s /home/${user}/display && pgrep -u ${user} Xvnc`))
  }
  const list = () => farm.json<Desktop[]>('list')
  await startDesktop('eve')
  const server = await startDesktop('ada')
  await eventually(async () => {
    const rows = await list()
    assert.ok(rows.length === 1 && rows[0]!.screenBytes > 0, JSON.stringify(rows))
  })

  await farm.api('PUT', '/api/policies/recording/active', { id: 'do-not-record' })
  await startDesktop('bob')
  await eventually(async () => {
    const decided = JSON.parse(await farm.sh('cat /var/lib/tapedeck/agent/decisions.json'))
    assert.equal(decided.bob?.screen, 'none')
  })
  await farm.sh(`kill ${server}`)
  const [row, ...more] = await eventually(async () => {
    const rows = await list()
    assert.equal(rows[0]?.state, 'complete')
    return rows
  })
  t.like(row, { user: 'ada', type: 'desktop', endReason: 'exit', gaps: 0, proof: 'sealed' })
  t.deepEqual(more, [], 'bob is spared, and eve is nobody to record')
  const findings = JSON.parse((await farm.tapedeck('doctor', '--json')).stdout.toString())
  t.true(findings.some(({ code }: { code: string }) => code === 'desktops'))
})
