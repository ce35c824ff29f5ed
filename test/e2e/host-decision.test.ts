import test from 'ava'
import { eventually } from '../helpers/eventually.ts'
import type { Pty } from '../helpers/pty.ts'
import { openRecordedFarm } from '../helpers/recorded-farm.ts'
import { noTestHosts } from '../helpers/test-host.ts'
import type { Listed } from '../helpers/up.ts'

// Before the prompt: what the farm decides, what it decided last where it does not answer, and what the host's settings say
// where it never did. And what the user is told.

const reason = noTestHosts()
const onHosts = reason ? test.skip : test.serial
if (reason) test.skip(`host tests: ${reason}`, () => undefined)

const notice = { en: 'is being recorded', de: 'wird aufgezeichnet', fr: 'est enregistré' }
const prompt = 'at-prompt: '

onHosts('the farm decides; else what it said last; else the settings of the host', async (t) => {
  t.timeout(400_000)
  const farm = await openRecordedFarm(t, { users: 'ada,bob', accounts: ['bob'] })
  await farm.sh(`for user in ada bob; do echo 'PS1="${prompt}"' >/home/$user/.bashrc; done`)
  const login = (user: string, lang = '') =>
    farm.pty(['env', `LANG=${lang}`, ...farm.ssh(user, '-tt', '-oSendEnv=LANG', '--')])
  /** What a user sees until the prompt. */
  const seen = async (pty: Pty) => {
    if (!pty.output().includes(prompt)) await pty.waitFor(prompt)
    pty.write('exit\r')
    t.is(await pty.ended(), 0)
    return pty.output().toString()
  }
  const activate = (id: string) => farm.api('PUT', '/api/policies/recording/active', { id })
  const settings = async (...args: string[]) => {
    const { status, stderr } = await farm.tapedeck('host', 'enable', '--users', 'ada,bob', ...args)
    if (status !== 0) throw new Error(stderr)
  }
  const decided = async () =>
    (await farm.sh(`grep '"code":"decided"' /var/log/tapedeck-agent.log | tail -n 1`)).match(
      /"screen":"(\w+)"/,
    )?.[1]
  const recordings = async () => (await farm.json<Listed[]>('list', '--limit', '100')).length
  const status = async () =>
    JSON.parse(
      (await farm.tapedeck('status', '--home', '/var/lib/tapedeck', '--json')).stdout.toString(),
    ) as {
      sessions: unknown[]
      queue: { bytes: number }
      coverage: { logins: number; unrecorded: number }
    }

  // Told in the user's language, else in the host's, else in English.
  t.true((await seen(login('ada', 'de_AT.UTF-8'))).includes(notice.de))
  t.true((await seen(login('ada', 'xx'))).includes(notice.en))
  await farm.sh('echo LANG="fr_FR.UTF-8" >/etc/default/locale')
  t.true((await seen(login('ada', 'xx'))).includes(notice.fr))
  await farm.sh('echo >/etc/default/locale')

  // Who must agree and does not, is out; a key that would end a program ends the session.
  await settings('--acknowledge', 'require')
  for (const [answer, status] of [
    ['no\r', 1],
    ['\u0003', 130],
  ] as const) {
    const refuses = login('ada')
    await refuses.waitFor('[yes/no]')
    refuses.write(answer)
    t.is(await refuses.ended(), status)
    t.false(refuses.output().includes(prompt))
  }
  const agrees = login('ada')
  await agrees.waitFor('[yes/no]')
  agrees.write('yes\r')
  t.true((await seen(agrees)).includes(notice.en))
  await settings('--acknowledge', 'off')

  await activate('entire-without-notification')
  t.false((await seen(login('ada'))).includes(notice.en))
  await eventually(async () => {
    if ((await recordings()) < 7) throw new Error(`${await recordings()} recordings`)
    // Logins that test the settings are sessions too.
    const { sessions, queue } = await status()
    if (sessions.length > 0 || queue.bytes > 0)
      throw new Error(`${sessions.length} sessions, ${queue.bytes} B`)
  })
  await activate('do-not-record')
  const before = await recordings()
  const spared = login('ada')
  await spared.waitFor(prompt)
  t.is(await decided(), 'none')
  await eventually(async () => {
    const { coverage } = await status()
    // Decided not to be recorded is another thing than not recorded.
    if (coverage.logins !== 1 || coverage.unrecorded !== 0) throw new Error(JSON.stringify(coverage))
  })
  t.false((await seen(spared)).includes(notice.en))

  // A node that does not answer: bob was never decided on, and the default is to record him and to tell him.
  const node = await farm.sh('pgrep -f [n]ode/main.ts')
  await farm.sh(`kill -STOP ${node}`)
  t.false((await seen(login('ada'))).includes(notice.en))
  t.true((await seen(login('bob'))).includes(notice.en))
  await farm.sh(`kill -CONT ${node}`)
  await eventually(async () => {
    if ((await recordings()) !== before + 1) throw new Error(`${before}, then ${await recordings()}`)
  })

  // No node at all, and the agent is another one: it still knows ada.
  await farm.killAgent()
  await farm.stopFarm()
  await farm.startAgent('away')
  await settings('--on-error', 'deny')
  const denied = login('bob')
  t.is(await denied.ended(), 1)
  t.true(denied.output().includes('Nobody can say now'))
  t.false((await seen(login('ada'))).includes(notice.en))
  await settings('--on-error', 'skip')
  t.false((await seen(login('bob'))).includes(notice.en))
  // Nor with an agent: the settings alone.
  await farm.killAgent()
  await settings('--on-error', 'record')
  t.true((await seen(login('ada'))).includes(notice.en))
})
