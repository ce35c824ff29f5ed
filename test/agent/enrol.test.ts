import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { enrol } from '../../agent/enrol.ts'
import { loadIdentity } from '../../agent/identity.ts'
import { farmIdOf, generateKeyPem, signerFromPem } from '../../codec/ed25519.ts'
import { toBase64url } from '../../format/bytes.ts'
import { signToken } from '../../format/token.ts'
import { startTestNode, temporaryFolder } from '../helpers/test-node.ts'

const farm = signerFromPem(generateKeyPem())
const farmKey = toBase64url(farm.publicKey)
const token = `secret.${farmIdOf(farm.publicKey)}`

/** Something that is not a farm. */
async function startServer(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a token is good once, and leaves an agent that the farm knows', async (t) => {
  const node = await startTestNode(t)
  const url = `https://localhost:${node.node.port}`
  const home = join(await temporaryFolder(t), 'agent')
  const { token: once } = (await node.ask('/api/agents/tokens', { method: 'POST', body: {} })).json
  const ca = node.ca.toString()
  const { agent } = await enrol({ home, url, ca, token: once, host: 'ward-7' })
  const identity = await loadIdentity(home)
  t.is(identity.agent, agent)
  t.is(identity.host, 'ward-7')
  t.deepEqual(Buffer.from(identity.farmKey), Buffer.from(node.farm.publicKey))
  t.is((await stat(join(home, 'agent.key'))).mode & 0o777, 0o600)
  const files = ['agent.json', 'agent.key', 'ca.crt', 'certificate', 'farm.pub', 'machine']
  t.deepEqual((await readdir(home)).sort(), files)
  const unused = join(home, 'unused')
  await t.throwsAsync(enrol({ home: unused, url, ca, token: once }), {
    code: 'enrolment-token',
    message: /refused: .*used up/,
  })
  await t.throwsAsync(readdir(unused), { code: 'ENOENT' })
  // Without its authority the farm proves by its own key that the TLS certificate is its own.
  const { token: another } = (await node.ask('/api/agents/tokens', { method: 'POST', body: {} })).json
  const second = join(home, 'second')
  t.not((await enrol({ home: second, url, token: another })).agent, agent)
  t.deepEqual((await readdir(second)).sort(), files)
})

test('the wrong farm, a wrong certificate, and what is no farm at all leave nothing behind', async (t) => {
  const other = signerFromPem(generateKeyPem())
  const certificate = (key: string, signer = farm) =>
    signToken(
      {
        t: 'agent-certificate',
        agent: 'a',
        host: 'h',
        key,
        from: 0,
        until: 4e12,
        farm: farmIdOf(farm.publicKey),
      },
      signer,
    )
  const answers: [string, (body: { key: string }) => [number, string]][] = [
    [
      'farm',
      ({ key }) => [
        201,
        JSON.stringify({ certificate: certificate(key, other), farmKey: toBase64url(other.publicKey) }),
      ],
    ],
    ['farm', ({ key }) => [201, JSON.stringify({ certificate: certificate(key), farmKey: 'x' })]],
    [
      'token-signature',
      ({ key }) => [201, JSON.stringify({ certificate: certificate(key, other), farmKey })],
    ],
    ['key', () => [201, JSON.stringify({ certificate: certificate(toBase64url(other.publicKey)), farmKey })]],
    ['token', () => [201, JSON.stringify({ certificate: 'x', farmKey })]],
    ['answer', () => [200, '<html>Welcome to our network</html>']],
    ['answer', () => [200, JSON.stringify({ certificate: 7 })]],
    ['answer', () => [200, 'null']],
    ['refused', () => [403, JSON.stringify({ code: 'token', text: 'used' })]],
    ['answer', () => [200, 'x'.repeat(1_000_000)]],
  ]
  for (const [code, answer] of answers) {
    const url = await startServer(t, (request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        const [status, text] = answer(JSON.parse(body))
        response.writeHead(status)
        response.end(text)
      })
    })
    const home = join(await temporaryFolder(t), 'agent')
    await t.throwsAsync(enrol({ home, url, token }), { code }, code)
    await t.throwsAsync(readdir(home), { code: 'ENOENT' })
  }
})

test('a token that is none is never sent, and silence ends', async (t) => {
  let asked = 0
  const url = await startServer(t, () => {
    asked += 1
  })
  const home = join(await temporaryFolder(t), 'agent')
  for (const wrong of ['', 'x', 'secret.', '.farm', `secret.${'x'.repeat(42)}`, `a b.${'x'.repeat(43)}`])
    await t.throwsAsync(enrol({ home, url, token: wrong }), { code: 'token' }, wrong)
  t.is(asked, 0)
  await t.throwsAsync(enrol({ home, url, token, timeoutMs: 200 }), { code: 'timeout' })
  await t.throwsAsync(enrol({ home, url: 'http://127.0.0.1:1', token }), { code: 'ECONNREFUSED' })
})

test('files that do not belong together are no identity', async (t) => {
  const home = await temporaryFolder(t)
  await t.throwsAsync(loadIdentity(home), { code: 'not-enrolled' })
  const agent = generateKeyPem()
  const key = toBase64url(signerFromPem(agent).publicKey)
  const certificate = (of: string) =>
    signToken(
      { t: 'agent-certificate', agent: 'a', host: 'h', key: of, from: 0, until: 4e12, farm: 'f' },
      farm,
    )
  const { publicKeyPem } = await import('../../codec/ed25519.ts')
  await mkdir(home, { recursive: true })
  await writeFile(join(home, 'agent.key'), agent)
  await writeFile(join(home, 'farm.pub'), publicKeyPem(farm.publicKey))
  await writeFile(join(home, 'certificate'), certificate('x'.repeat(43)))
  await t.throwsAsync(loadIdentity(home), { code: 'identity' })
  await writeFile(join(home, 'certificate'), `${certificate(key)}\n`)
  t.is((await loadIdentity(home)).agent, 'a')
  await writeFile(join(home, 'farm.pub'), publicKeyPem(signerFromPem(generateKeyPem()).publicKey))
  await t.throwsAsync(loadIdentity(home), { code: 'token-signature' })
  t.truthy(await readFile(join(home, 'certificate'), 'utf8'))
})
