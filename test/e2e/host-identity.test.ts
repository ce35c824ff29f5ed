import test from 'ava'
import { eventually } from '../helpers/eventually.ts'
import { openRecordedFarm } from '../helpers/recorded-farm.ts'
import { noTestHosts } from '../helpers/test-host.ts'

// Machines made from one image, a copy of a machine, and an agent that is not wanted any more.

const reason = noTestHosts()
const onHosts = reason ? test.skip : test.serial
if (reason) test.skip(`host tests: ${reason}`, () => undefined)

interface Agent {
  id: string
  connected: boolean
  revoked?: string
}

interface Status {
  agent: string
  queue: { bytes: number; messages: number }
  connection: { state: string; lastError?: string }
}

onHosts(
  'one image makes two identities, a copy gets its own, and who is revoked keeps its queue',
  async (t) => {
    t.timeout(400_000)
    const farm = await openRecordedFarm(t)
    const status = async () => {
      const { stdout } = await farm.tapedeck('status', '--home', '/var/lib/tapedeck', '--json')
      return JSON.parse(stdout.toString()) as Status
    }
    const first = (await status()).agent
    // `tapedeck up` has an agent of its own.
    const others = (await farm.json<Agent[]>('agent list')).filter(({ id }) => id !== first)
    const connected = async (count: number) =>
      eventually(async () => {
        const agents = (await farm.json<Agent[]>('agent list')).filter(
          ({ id, connected }) => connected && others.every((other) => other.id !== id),
        )
        if (agents.length !== count) throw new Error(JSON.stringify(agents))
        return agents.map(({ id }) => id)
      })
    /** The same host once more, as another machine: its own id, logs and agent's folder. */
    const startMachine = async (name: string, folder: string) => {
      await farm.sh(`tr -d - </proc/sys/kernel/random/uuid >/srv/${name}.id`)
      const script = `mount --bind /srv/${name}.id /etc/machine-id; mount --bind ${folder} /var/lib/tapedeck/agent
      mount -t tmpfs tmpfs /run/tapedeck; exec ${farm.agentCommand} >>/var/log/tapedeck-${name}.log 2>&1`
      farm.start(['unshare', '--mount', 'sh', '-c', script])
    }

    // An image of this host: both machines come to the farm by the token that it carries.
    const { token } = await farm.json<{ token: string }>('agent token', '--uses', '2')
    await farm.killAgent('SIGTERM')
    const image = await farm.tapedeck('agent', 'generalize', '--token', token)
    t.is(image.status, 0, image.stderr)
    await farm.sh('cp -a /var/lib/tapedeck/agent /srv/image')
    await farm.startAgent()
    await startMachine('ward-8', '/srv/image')
    const both = await connected(2)
    t.false(both.includes(first))
    const { agent } = await status()
    t.true(both.includes(agent))

    // A machine that was copied while it had an identity is another one, and the first stays what it is.
    await farm.sh('mkdir /srv/copy; cd /var/lib/tapedeck/agent; cp -a $(ls | grep -v sock) /srv/copy')
    await startMachine('ward-9', '/srv/copy')
    const all = await connected(3)
    t.deepEqual(
      both.filter((id) => !all.includes(id)),
      [],
    )
    t.is((await status()).connection.state, 'connected')

    const pty = farm.pty(farm.ssh('ada', '-tt', '--', 'bash --norc'))
    await pty.waitFor('$ ')
    t.is((await farm.tapedeck('agent', 'revoke', '--home', '/srv/farm', agent)).status, 0)
    await eventually(
      async () => {
        const { connection } = await status()
        if (connection.state === 'connected') throw new Error(JSON.stringify(connection))
      },
      { timeoutMs: 60_000 },
    )
    t.deepEqual((await connected(2)).includes(agent), false)
    // The session does not notice, and what it shows is kept on the host.
    const before = (await status()).queue.bytes
    pty.write('head -c 100000 /dev/urandom | base64; echo sho""wn\r')
    await pty.waitFor('shown')
    pty.write('exit 5\r')
    t.is(await pty.ended(), 5)
    await eventually(async () => {
      const { queue } = await status()
      if (queue.bytes < before + 50_000) throw new Error(JSON.stringify(queue))
    })
    await farm.killAgent('SIGTERM')
    await farm.startAgent('away')
    t.true((await status()).queue.bytes >= before + 50_000)
  },
)
