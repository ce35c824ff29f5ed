import { type Namespaces, openNamespaces } from '../helpers/namespaces.ts'
import { run } from '../helpers/up.ts'

// Machines on one switch, each with a network, mounts and a host name of its own, and a cable from the switch to this
// machine, so that tests and people reach them. All of it ends with this process.

export interface Network {
  /** First three numbers of every address in it. */
  readonly prefix: string
  /** The last number of this machine's own address is `hereNumber`. */
  machine(name: string, number: number): Promise<Machine>
  /** One more address of this machine. */
  addHere(number: number): Promise<string>
  close(): void
}

export interface Machine extends Namespaces {
  readonly name: string
  readonly address: string
  /** For a person: what cuts its cable. */
  readonly cutCommand: readonly string[]
  /** Its cable leads nowhere: what it sends is lost, and nobody is told. */
  cut(): Promise<void>
  join(): Promise<void>
}

export const hereNumber = 254

const networksMax = 250

export async function openNetwork(): Promise<Network> {
  const machines: Namespaces[] = []
  const theSwitch = await openNamespaces('net')
  machines.push(theSwitch)
  const number = await claimNumber(theSwitch)
  const prefix = `10.83.${number}`
  await theSwitch.run(
    'sh',
    '-ec',
    'ip link add hub type bridge; ip link set here master hub; ip link set hub up; ip link set here up',
  )
  return {
    prefix,
    async machine(name, last) {
      const inside = await openNamespaces('net', 'mount', 'uts')
      machines.push(inside)
      const address = `${prefix}.${last}`
      // The other end of its cable, at the switch.
      const port = `to-${last}`
      await theSwitch.run(
        'sh',
        '-ec',
        `ip link add ${port} type veth peer name eth0 netns ${inside.pid}; ip link set ${port} master hub; ip link set ${port} up`,
      )
      await inside.run(
        'sh',
        '-ec',
        `hostname ${name}; ip address add ${address}/24 dev eth0; ip link set eth0 up`,
      )
      const cut = ['ip', 'link', 'set', port, 'nomaster']
      return {
        ...inside,
        name,
        address,
        cutCommand: [...theSwitch.within, ...cut],
        cut: async () => void (await theSwitch.run(...cut)),
        join: async () => void (await theSwitch.run('ip', 'link', 'set', port, 'master', 'hub')),
      }
    },
    async addHere(last) {
      const address = `${prefix}.${last}`
      await runHere(`ip address add ${address}/24 dev ${cableName(number)}`)
      return address
    },
    close() {
      for (const machine of machines) machine.close()
    },
  }
}

/** Of two networks that begin at once only one gets a cable of a name; its number makes their addresses differ. */
async function claimNumber(theSwitch: Namespaces): Promise<number> {
  const first = Math.floor(Math.random() * networksMax)
  let failure = ''
  for (let i = 0; i < networksMax; i++) {
    const number = 1 + ((first + i) % networksMax)
    const cable = cableName(number)
    const peer = ['peer', 'name', 'here', 'netns', String(theSwitch.pid)]
    const made = await run('ip', ['link', 'add', cable, 'type', 'veth', ...peer])
    failure = made.stderr
    if (made.status !== 0) continue
    await runHere(`ip address add 10.83.${number}.${hereNumber}/24 dev ${cable}; ip link set ${cable} up`)
    return number
  }
  throw new Error(`No network could be made: ${failure}`)
}

const cableName = (number: number) => `tapedeck${number}`

async function runHere(script: string): Promise<void> {
  const { status, stderr } = await run('sh', ['-ec', script])
  if (status !== 0) throw new Error(`${script} ended with ${status}: ${stderr}`)
}
