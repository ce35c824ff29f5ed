import { request } from 'node:http'
import { connect as connectH2 } from 'node:http2'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import { subprotocol } from '../../wire/limits.ts'
import { until } from '../helpers/test-node.ts'
import { lacks } from './programs.ts'
import { type FarmOptions, startTestFarm, type TestFarm } from './test-farm.ts'

const logged = (farm: TestFarm) => farm.nodes.flatMap(({ log }) => log)
const addresses = (farm: TestFarm, code: string) =>
  logged(farm)
    .filter((line) => line.code === code)
    .map((line) => line.address ?? line.remoteAddress)

async function seesTrueClients(t: ExecutionContext, tls: FarmOptions['tls']): Promise<void> {
  if (await lacks(t, 'haproxy')) return
  const farm = await startTestFarm(t, { ...(tls && { tls }) })
  const [balancer] = farm.balancers
  const { agents, stats, http, https } = farm.farm.ports

  // Who signs in is limited and logged by the true address, whatever it says of itself.
  const from = farm.client()
  const wrong = { method: 'POST', body: '{"user":"eve","password":"guessing"}' }
  const headers = { 'x-forwarded-for': '203.0.113.5', 'x-forwarded-host': 'evil.example' }
  t.is((await farm.ask('/api/session', { from, headers, ...wrong })).status, 401)
  t.deepEqual(addresses(farm, 'sign-in-refused'), [from])

  // Agents too, by both ports; TLS of the second is never ended here.
  const [a, b] = [farm.client(), farm.client()]
  await farm.agent({ from: a })
  await farm.agent({ from: b, port: agents })
  t.deepEqual(addresses(farm, 'agent-connected').sort(), [a, b])
  t.regex((await farm.ask('/', { from: b, port: agents })).text, /agents-only/)
  await until(() => balancer!.log().includes(`${from}:`))

  // Nobody sees the numbers from elsewhere.
  const ask = (host: string, path: string) =>
    new Promise<string>((resolve, reject) => {
      const call = request({ host, port: stats, path }, async (answer) => resolve(await text(answer)))
      call.on('error', reject)
      call.end()
    })
  await t.throwsAsync(ask(balancer!.address, '/'), { code: 'ECONNREFUSED' })
  t.regex(
    await ask('127.0.0.1', '/metrics'),
    /haproxy_server_status\{proxy="nodes",server="node-1",state="UP"\} 1/,
  )
  t.regex(await ask('127.0.0.1', '/'), /Statistics Report/)

  // 80 says where 443 is, and nothing else.
  const plain = (lines: string) =>
    new Promise<string>((resolve) => {
      const socket = connect(http, balancer!.address, () => socket.write(`${lines}\r\n\r\n`))
      let said = ''
      socket.on('data', (chunk) => {
        said += chunk
        if (/\r\n\r\n/.test(said)) socket.destroy()
      })
      socket.on('close', () => resolve(said))
    })
  const moved = await plain('GET /recordings?user=ada HTTP/1.1\r\nHost: rec.example.org:80')
  t.regex(moved, /^HTTP\/1.1 301 /)
  t.true(moved.includes(`\r\nlocation: https://rec.example.org:${https}/recordings?user=ada\r\n`), moved)
  t.regex(await plain('GET / HTTP/1.0'), /^HTTP\/1.[01] 403 /)
}

test('TLS passed through: nodes and balancer know the true client', (t) => seesTrueClients(t, 'passed'))
test('TLS ended, encrypted again: nodes and balancer know the true client', (t) =>
  seesTrueClients(t, 'encrypted'))
test('TLS ended, plain to the nodes: nodes and balancer know the true client', (t) =>
  seesTrueClients(t, 'plain'))

test('where TLS ends, browsers bring their WebSockets by HTTP/2', async (t) => {
  if (await lacks(t, 'haproxy')) return
  const farm = await startTestFarm(t, { tls: 'plain' })
  const { address } = farm.balancers[0]!
  const url = `https://${address}:${farm.farm.ports.https}`
  const client = connectH2(url, { ca: farm.ca, servername: 'localhost' })
  t.teardown(() => client.destroy())
  await new Promise((resolve) => client.once('remoteSettings', resolve))
  const socket = client.request(
    {
      ...{ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'https', ':authority': 'localhost' },
      ...{ ':path': '/agent/v1', 'sec-websocket-protocol': subprotocol, 'sec-websocket-version': '13' },
    },
    { endStream: false },
  )
  const said = await new Promise((resolve) => socket.once('data', resolve))
  t.regex(String(said), /"challenge"/)
})
