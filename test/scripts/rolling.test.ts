import { fileURLToPath } from 'node:url'
import anyTest from 'ava'
import { eventually } from '../helpers/eventually.ts'
import { noTestHosts, openTestHost } from '../helpers/test-host.ts'
import { lacks } from '../lb/programs.ts'

// The scripts that go from machine to machine, with a real HAProxy and real nodes on one host. No systemd runs there: its
// `systemctl` is one of ours, which ends and starts the node's process. test/fresh-debian.ts has real ones.
const missing = noTestHosts()
const test = missing === undefined ? anyTest.serial : anyTest.skip
const repo = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

const systemctl = `#!/bin/sh
# $1 = restart or disable; $NODE = which node this machine is.
echo "$NODE $1" >>/tmp/done
kill -TERM $(cat /tmp/$NODE.pid) && while kill -0 $(cat /tmp/$NODE.pid) 2>/dev/null; do sleep 0.1; done
[ "$1" = restart ] || exit 0
[ ! -e /tmp/$NODE.broken ] || exit 1
sh /tmp/start-node $NODE`

const startNode = `nohup ${repo}/node_modules/node/bin/node --disable-warning=ExperimentalWarning ${repo}/node/main.ts /tmp/$1/node/node.json >/tmp/$1.out 2>/tmp/$1.log </dev/null &
echo $! >/tmp/$1.pid
until grep -q '"ready":true' /tmp/$1.out; do kill -0 $! || { cat /tmp/$1.log >&2; exit 1; }; sleep 0.1; done`

const makeHomes = `import { cpSync } from 'node:fs'
import { makeNodeHome, setUpNode } from '${repo}/node/setup.ts'
for (const [i, name] of ['node-1', 'node-2'].entries()) {
  const home = '/tmp/' + name
  if (i > 0) for (const part of ['farm', 'node/tls.key', 'node/tls.crt']) cpSync('/tmp/node-1/' + part, home + '/' + part, { recursive: true })
  const settings = { name, host: '127.0.1.' + (i + 1), balancers: ['127.0.0.1'], proxyPort: 8444, agentPort: 1801, agentCheckPort: 1802 }
  await setUpNode({ home, port: 8443, settings })
}`

/** "HOST SCRIPT", as ssh takes them: a node's name stands for its machine. */
const runOn = `#!/bin/sh
NODE=$1 PATH=/tmp/bin:$PATH exec sh -c "$2"`

/** Each machine has an /opt of its own. What comes from one that is cut off ends early. */
const runApart = `#!/bin/sh
script=$(printf '%s' "$2" | sed "s,/opt,/tmp/$1-opt,g")
if [ -e /tmp/$1.cut ]; then sh -c "$script" | head -c 20000; else exec sh -c "$script"; fi`

test('a copy of the program that was cut off is no program; the next call begins it again', async (t) => {
  const host = await openTestHost(t)
  await host.run(['sh', '-c', 'cat >/tmp/run && chmod 755 /tmp/run'], { input: Buffer.from(runApart) })
  await host.sh(`mkdir -p /tmp/old-opt/tapedeck && cd /tmp/old-opt/tapedeck && echo {} >package.json
    printf '#!/bin/sh\\n' >tapedeck && chmod 755 tapedeck && head -c 50000 /dev/zero >weight`)
  const join = () =>
    host.run([
      `${repo}/scripts/join-node`,
      '--run',
      '/tmp/run',
      '--from',
      'old',
      '--balancer',
      'b',
      'new',
      'new',
    ])
  await host.sh('touch /tmp/old.cut')
  const cut = await join()
  t.is(cut.status, 1)
  t.regex(cut.stderr, /new: the copy was cut off/)
  t.is(await host.sh('ls /tmp/new-opt/tapedeck 2>/dev/null || :'), '')
  await host.sh('rm /tmp/old.cut')
  t.regex((await join()).stdout.toString(), /configuration of old/)
  t.is(await host.sh('diff -r /tmp/old-opt /tmp/new-opt'), '')
})

test('nodes are restarted one by one behind the balancer; one that fails stays drained; one leaves', async (t) => {
  if (await lacks(t, 'haproxy')) return
  const host = await openTestHost(t)
  const put = (path: string, text: string) =>
    host.run(['sh', '-c', `mkdir -p "$(dirname ${path})" && cat >${path} && chmod 755 ${path}`], {
      input: Buffer.from(text),
    })
  await put('/tmp/bin/systemctl', systemctl)
  await put('/tmp/bin/tapedeck', `#!/bin/sh\nexec ${repo}/tapedeck "$@"`)
  await put('/tmp/start-node', startNode)
  await put('/tmp/run', runOn)
  await put('/tmp/homes.ts', makeHomes)
  const farm = {
    name: 'ward',
    names: ['localhost'],
    nodes: [1, 2].map((i) => ({ name: `node-${i}`, address: `127.0.1.${i}` })),
    balancers: [{ name: 'lb-1', address: '127.0.0.1', listen: ['127.0.0.1'] }],
    times: { checkS: 1, slowStartS: 0 },
    account: null,
  }
  await put('/etc/tapedeck/farm.json', JSON.stringify(farm))
  await host.sh(`${repo}/node_modules/node/bin/node --disable-warning=ExperimentalWarning /tmp/homes.ts
    sh /tmp/start-node node-1; sh /tmp/start-node node-2; mkdir -p /run/haproxy
    ${repo}/tapedeck lb apply --no-reload
    nohup haproxy -W -S /run/haproxy-master.sock -f /etc/haproxy/haproxy.cfg >/tmp/haproxy.log 2>&1 </dev/null &`)
  const states = async () => {
    const { stdout } = await host.tapedeck('lb', 'status', '--json')
    const { nodes } = JSON.parse(stdout.toString()) as {
      nodes: { node: string; state: string; check: string }[]
    }
    return Object.fromEntries(nodes.map(({ node, state }) => [node, state]))
  }
  await eventually(async () => {
    const found = JSON.stringify(await states())
    if (found !== '{"node-1":"up","node-2":"up"}') throw new Error(found)
  })
  // Somebody asks all the time.
  const asking = host.start([
    'sh',
    '-c',
    'while :; do curl -sk -o /dev/null -w "%{http_code}\\n" https://127.0.0.1/healthz; done',
  ])
  let answers = ''
  asking.stdout!.on('data', (text) => {
    answers += text
  })
  const script = (name: string, ...args: string[]) =>
    host.run([`${repo}/scripts/${name}`, '--run', '/tmp/run', '--balancer', 'lb-1', ...args])

  const before = await host.sh('cat /tmp/node-1.pid /tmp/node-2.pid')
  const rolled = await script('rolling-restart', 'node-1=node-1', 'node-2=node-2')
  t.is(rolled.status, 0, rolled.stderr)
  t.is(await host.sh('cat /tmp/done'), 'node-1 restart\nnode-2 restart')
  t.not(await host.sh('cat /tmp/node-1.pid /tmp/node-2.pid'), before)
  t.deepEqual(await states(), { 'node-1': 'up', 'node-2': 'up' })
  asking.kill()
  const codes = answers.trim().split('\n')
  t.true(codes.length > 10)
  // Undrained, each restart would refuse everybody for a second or more.
  t.true(codes.filter((code) => code !== '200').length <= 2, codes.join(' '))

  await host.sh('touch /tmp/node-1.broken')
  const failed = await script('rolling-restart', 'node-1=node-1', 'node-2=node-2')
  t.is(failed.status, 1)
  t.regex(failed.stderr, /node-1 did not come back and stays drained/)
  t.is((await host.sh('cat /tmp/done')).split('\n').length, 3)
  t.is((await states())['node-2'], 'up')

  const left = await script('leave-node', 'node-1', 'node-1')
  t.is(left.status, 0, left.stderr)
  t.deepEqual(Object.keys(await states()), ['node-2'])
  t.regex(await host.sh('cat /tmp/done'), /node-1 disable$/)
  for (const name of ['rolling-restart', 'leave-node', 'join-node']) {
    const { status, stderr } = await script(name)
    t.is(status, 2)
    t.regex(stderr, /^Usage/)
  }
  t.regex((await script('rolling-restart', 'a;b=c')).stderr, /Expected NODE=HOST/)
})
