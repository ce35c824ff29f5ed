import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { debianTree, type Machine, noMachines, startMachine } from './helpers/debian-machine.ts'
import { eventually } from './helpers/eventually.ts'
import { openNamespaces } from './helpers/namespaces.ts'
import { run } from './helpers/up.ts'

// npm run soak:install — a farm as an operator makes it, on fresh Debian machines with a systemd of their own: database,
// two nodes, two balancers with a floating address, a host. Installs every role, joins, restarts and removes nodes and moves
// the address while a session is recorded, lets watchdogs bite, and takes everything away again. The first time it downloads
// Debian (some minutes), then it keeps it.

const missing = noMachines()
if (missing !== undefined) {
  console.error(`soak:install: ${missing}.`)
  process.exit(2)
}
const repo = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
const startedMs = Date.now()
const step = (text: string) =>
  console.log(`${String(Math.round((Date.now() - startedMs) / 1000)).padStart(4)} s  ${text}`)

const addresses = {
  data: '10.77.0.2',
  'node-1': '10.77.0.11',
  'node-2': '10.77.0.12',
  'lb-1': '10.77.0.21',
  'lb-2': '10.77.0.22',
  'ward-7': '10.77.0.30',
}
/** Where HAProxy runs, by keepalived. */
const floating = '10.77.0.20'
const hosts = `${Object.entries(addresses)
  .map(([name, address]) => `${address} ${name}\\n`)
  .join('')}${floating} rec.test\\n`
const password = '/etc/tapedeck/db.password'
const catalog = `postgres://deck@data/deck?sslmode=disable&passwordFile=${password}`

step('Debian')
const tree = await debianTree(join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tapedeck-test'))
const folder = await mkdtemp(join(tmpdir(), 'tapedeck-fresh-'))
const share = join(folder, 'share')
await mkdir(share)
const network = await openNamespaces('net')
const machines = new Map<string, Machine>()
try {
  await network.run('ip', 'link', 'add', 'deck0', 'type', 'bridge')
  await network.run('ip', 'link', 'set', 'deck0', 'up')
  const start = async (name: keyof typeof addresses, ...binds: string[]) => {
    const machine = await startMachine({ tree, network, name, address: addresses[name], hosts, binds })
    machines.set(name, machine)
    await writeFile(join(folder, name), String(machine.pid))
    return machine
  }
  const source = `${repo}:/src:ro`
  const stores = `${share}:/srv/recordings`
  const data = await start('data')
  const node1 = await start('node-1', source, stores)
  const node2 = await start('node-2', stores)
  const lb = await start('lb-1', source)
  const lb2 = await start('lb-2', source)
  const ward = await start('ward-7', source)
  step('six machines run')

  await data.sh(`cd /etc/postgresql/15/main && printf "listen_addresses = '*'\\n" >>postgresql.conf
    printf 'host all all 10.77.0.0/24 scram-sha-256\\n' >>pg_hba.conf
    sed -i 's/^bind .*/bind 0.0.0.0/; s/^protected-mode .*/protected-mode no/' /etc/redis/redis.conf
    systemctl start postgresql redis-server
    su postgres -c "psql -qc \\"alter role postgres password 'of-the-admin'\\""`)
  await node1.sh(`mkdir -m 755 /etc/tapedeck
    TAPEDECK_DB_ADMIN_PASSWORD=of-the-admin /src/tapedeck db migrate '${catalog}' --admin 'postgres://postgres@data/postgres?sslmode=disable'`)
  await node1.sh(`/src/tapedeck install node --name node-1 --catalog '${catalog}' --redis redis://data --store /srv/recordings \
    --public-url https://rec.test --lb-host ${addresses['lb-1']} --lb-host ${addresses['lb-2']} --workers 2 --policy entire-with-notification`)
  step('node-1 is installed and ready')

  const farm = {
    name: 'ward',
    names: ['rec.test'],
    nodes: [{ name: 'node-1', address: addresses['node-1'] }],
    balancers: (['lb-1', 'lb-2'] as const).map((name) => ({ name, address: addresses[name] })),
    floating: { address: `${floating}/24`, interface: 'host0', routerId: 77 },
    times: { checkS: 1, slowStartS: 0 },
  }
  for (const balancer of [lb, lb2])
    await balancer.sh(
      `cat >/root/farm.json <<'END'\n${JSON.stringify(farm)}\nEND\n/src/tapedeck install lb --farm /root/farm.json --balancer ${balancer.name}`,
    )
  await eventually(() => holds(lb))
  await healthy(lb, lb2)
  step('lb-1 and lb-2 are installed, lb-1 has the floating address, and doctor finds nothing')

  const token = JSON.parse(await node1.sh('tapedeck agent token --json')).token as string
  await ward.sh(
    `useradd -m -s /bin/bash ward; /src/tapedeck install agent --server rec.test --token ${token} --users ward`,
  )
  await ward.sh('su - ward -c "echo before"')
  await healthy(node1, ward)
  step('ward-7 is installed; it is recorded')

  const onMachine = join(folder, 'on-machine')
  await writeFile(
    onMachine,
    `#!/bin/sh\nexec nsenter --target "$(cat "${folder}/$1")" --all sh -c "cd /; $2"\n`,
    { mode: 0o755 },
  )
  const script = async (name: string, ...args: string[]) => {
    const done = await run(`${repo}/scripts/${name}`, [
      '--run',
      onMachine,
      '--balancer',
      'lb-1',
      '--balancer',
      'lb-2',
      ...args,
    ])
    assert.equal(done.status, 0, `${name}: ${done.stdout}${done.stderr}`)
  }
  await script('join-node', '--from', 'node-1', 'node-2', addresses['node-2'], 'node-2')
  assert.equal(await node1.sh('ls /run/tapedeck-join 2>/dev/null || :'), '')
  await healthy(node2, lb, lb2)
  step('node-2 has joined')

  const lines = 400
  const session = ward.sh(
    `su - ward -c 'for i in $(seq ${lines}); do echo "line $i of the session"; sleep 0.1; done'`,
  )
  await eventually(async () => void (await recordingOf(node1, 'live')))
  await script('rolling-restart', 'node-1=node-1', 'node-2=node-2')
  step('both nodes were restarted, while a session was recorded')
  await session
  const id = await eventually(async () => recordingOf(node2, 'complete', 'seq'))
  await node2.sh(`tapedeck verify ${id}`)
  const text = await node2.sh(`tapedeck export ${id}`)
  for (let i = 1; i <= lines; i++)
    assert.ok(text.includes(`line ${i} of the session`), `line ${i} is missing`)
  step('it is whole, and proven')

  const moving = ward.sh(`su - ward -c 'for i in $(seq 200); do echo "moved $i"; sleep 0.1; done'`)
  await eventually(async () => void (await recordingOf(node1, 'live')))
  await lb.sh('systemctl stop tapedeck-lb')
  await eventually(() => holds(lb2))
  await moving
  const moved = await eventually(async () => recordingOf(node2, 'complete', 'moved'))
  await node2.sh(`tapedeck verify ${moved}`)
  assert.ok((await node2.sh(`tapedeck export ${moved}`)).includes('moved 200'))
  await lb.sh('systemctl start tapedeck-lb')
  await healthy(lb)
  await holds(lb2)
  step('lb-1 was stopped: lb-2 took the address over, kept it, and the session was recorded through it')

  await lb.sh('kill -STOP $(pgrep -x haproxy)')
  await node2.sh('kill -STOP $(cat /run/tapedeck-node/node-0.pid)')
  await eventually(() => restarted(lb, 'tapedeck-lb'), { timeoutMs: 120_000 })
  step('the watchdog started a HAProxy that hung again')
  await eventually(() => restarted(node2, 'tapedeck-node'), { timeoutMs: 180_000 })
  step('and a node')
  await eventually(() => lb.sh('tapedeck lb wait node-2'))

  await script('leave-node', 'node-1', 'node-1')
  await eventually(() => ward.sh('tapedeck status --home /var/lib/tapedeck | grep -q "connected to node-2"'))
  await healthy(node2, ward)
  step('node-1 has left, and its agents are on node-2')

  const memory = await ward.sh('grep VmRSS /proc/$(systemctl show -p MainPID --value tapedeck-agent)/status')
  console.log(`        the agent takes ${memory.replace(/\s+/g, ' ')}`)
  for (const machine of [node1, node2, lb, lb2, ward]) {
    const failed = await machine.sh('systemctl --failed --no-legend --plain | grep tapedeck || :')
    assert.equal(failed, '', `${machine.name}: ${failed}`)
    await machine.sh('tapedeck uninstall --force')
    const left =
      'ls -d /opt/tapedeck /var/lib/tapedeck* /etc/systemd/system/tapedeck* /usr/local/bin/tapedeck 2>/dev/null || :'
    assert.equal(await machine.sh(left), '', machine.name)
  }
  assert.notEqual(await node2.sh('ls -A /srv/recordings'), '')
  step('all are uninstalled; the store is as it was')
} catch (error) {
  for (const machine of machines.values()) {
    const { stdout } = await machine.run(
      'sh',
      '-c',
      'journalctl --no-pager -o short-precise -n 60 -u "tapedeck-*"',
    )
    console.error(`${machine.name}:\n${stdout}`)
  }
  throw error
} finally {
  for (const machine of machines.values()) await machine.stop()
  network.close()
  await rm(folder, { recursive: true, force: true })
}

/** Doctor finds nothing that does not work. */
async function healthy(...on: Machine[]): Promise<void> {
  for (const machine of on)
    await eventually(async () => {
      const { stdout } = await machine.run('tapedeck', 'doctor', '--json')
      const findings = JSON.parse(stdout.toString()) as { level: string; text: string; code: string }[]
      const failed = findings.filter(
        ({ level, code, text }) => level === 'fail' || code === 'nothing' || text === '',
      )
      assert.deepEqual(failed, [], machine.name)
    })
}

async function recordingOf(node: Machine, state: string, application?: string): Promise<string> {
  const rows = JSON.parse(await node.sh('tapedeck list --json')) as {
    id: string
    state: string
    bytes: number
    command: string
  }[]
  const found = rows.find(
    (row) => row.state === state && (application === undefined || row.command.includes(application)),
  )
  if (!found) throw new Error(`No ${state} recording: ${JSON.stringify(rows)}`)
  return found.id
}

/** The floating address is this balancer's. */
async function holds(balancer: Machine): Promise<void> {
  await balancer.sh(`ip -o address show dev host0 | grep -qF ' ${floating}/24 '`)
}

async function restarted(machine: Machine, unit: string): Promise<void> {
  const shown = await machine.sh(`systemctl show -p NRestarts -p ActiveState --value ${unit}`)
  if (!/[1-9]/.test(shown) || !shown.includes('active') || /activating/.test(shown))
    throw new Error(`${unit}: ${shown}`)
}
