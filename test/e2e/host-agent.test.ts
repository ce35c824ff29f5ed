import test from 'ava'
import { agentKilled, agentRound, agentUpgraded } from '../helpers/agent-rounds.ts'
import { openRecordedFarm } from '../helpers/recorded-farm.ts'
import { noTestHosts } from '../helpers/test-host.ts'

const reason = noTestHosts()
const onHosts = reason ? test.skip : test.serial
if (reason) test.skip(`host tests: ${reason}`, () => undefined)

// `npm run soak` has twenty rounds.
onHosts(
  'the agent is killed, then upgraded, under 50 sessions: none notices, and no byte is missing',
  async (t) => {
    t.timeout(400_000)
    const farm = await openRecordedFarm(t)
    await agentRound(farm, 0, 50, [agentKilled, agentUpgraded])
    t.pass()
  },
)
