import { createHash, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { generateKeyPem, signerFromPem } from '../../../codec/ed25519.ts'
import { fromBase64url, toBase64url } from '../../../format/bytes.ts'
import { openToken } from '../../../format/token.ts'
import { farmProofBytes, renewBytes } from '../../../wire/messages.ts'
import { crypto, facts, makeIdentities } from '../../helpers/sample-stream.ts'
import { startTestNode, type TestNode } from '../../helpers/test-node.ts'
import { connectAgent } from '../ingest/test-agent.ts'

const post = (node: TestNode, path: string, body: unknown, as = 'nobody') =>
  node.ask(path, { method: 'POST', as, body })

async function enrolled(t: ExecutionContext, node: TestNode, token: string, machine = 'm-1') {
  const pem = generateKeyPem()
  const signer = signerFromPem(pem)
  const key = toBase64url(signer.publicKey)
  const { status, json } = await post(node, '/api/agents/enroll', { token, key, host: 'ward-7', machine })
  t.is(status, 201)
  return { pem, signer, certificate: json.certificate as string, agent: json.agent as string }
}

const connect = async (node: TestNode, of: { pem: string; certificate: string }, machine = 'm-1') =>
  connectAgent(
    `wss://localhost:${node.node.port}/agent/v1`,
    { ...makeIdentities(await readFile(node.config.farmKey, 'utf8'), of.pem), certificate: of.certificate },
    { ca: node.ca, machine },
  )

test('a token of three uses enrols three agents, and no fourth', async (t) => {
  const node = await startTestNode(t)
  const made = await post(node, '/api/agents/tokens', { uses: 3, expiresInS: 60 }, node.token)
  t.is(made.status, 201)
  const { token } = made.json
  const agents = await Promise.all([1, 2, 3].map(() => enrolled(t, node, token)))
  t.is(new Set(agents.map(({ agent }) => agent)).size, 3)
  const key = toBase64url(signerFromPem(generateKeyPem()).publicKey)
  const fourth = await post(node, '/api/agents/enroll', { token, key, host: 'h', machine: '' })
  t.is(fourth.json.error.code, 'enrolment-token')
  const { agents: listed } = (await node.ask('/api/agents')).json
  t.is(listed.length, 3)
  t.is(listed[0].host, 'ward-7')
  t.is((await node.ask('/api/agents', { as: 'nobody' })).status, 401)
})

test('a farm proves that a TLS certificate is its own, to whoever knows its id', async (t) => {
  const node = await startTestNode(t)
  const nonce = toBase64url(new Uint8Array(32).fill(7))
  const { json } = await node.ask(`/api/farm?nonce=${nonce}`, { as: 'nobody' })
  t.is(json.farmKey, toBase64url(node.farm.publicKey))
  const der = new X509Certificate(json.certificate).raw
  const proof = farmProofBytes(nonce, createHash('sha256').update(der).digest('base64url'))
  t.true(crypto.verify(node.farm.publicKey, proof, fromBase64url(json.signature)!))
  t.is((await node.ask('/api/farm?nonce=short', { as: 'nobody' })).status, 400)
})

test('an identity on another machine is refused, and exchanged for one of its own', async (t) => {
  const node = await startTestNode(t)
  const old = await enrolled(t, node, node.setUp.enrolmentToken)
  const moved = await connect(node, old, 'm-2')
  await moved.until(() => moved.closed !== undefined)
  t.is(moved.errors()[0]!.code, 'clone')

  const pem = generateKeyPem()
  const key = toBase64url(signerFromPem(pem).publicKey)
  const { farm } = openToken(old.certificate, 'agent-certificate', node.farm.publicKey, crypto)
  const body = {
    certificate: old.certificate,
    key,
    host: 'ward-8',
    machine: 'm-2',
    signature: toBase64url(old.signer.sign(renewBytes(farm, key, 'm-2'))),
  }
  const stranger = signerFromPem(generateKeyPem())
  const forged = { ...body, signature: toBase64url(stranger.sign(renewBytes(farm, key, 'm-2'))) }
  t.is((await post(node, '/api/agents/renew', forged)).json.error.code, 'identity')
  const renewed = await post(node, '/api/agents/renew', body)
  t.is(renewed.status, 201)
  t.not(renewed.json.agent, old.agent)
  // Asked again after a lost answer.
  t.is((await post(node, '/api/agents/renew', body)).json.agent, renewed.json.agent)
  const agent = await connect(node, { pem, certificate: renewed.json.certificate }, 'm-2')
  t.true(agent.messages.some((message) => message.type === 'welcome'))
  const first = await connect(node, old)
  t.true(first.messages.some((message) => message.type === 'welcome'))

  t.is((await node.ask(`/api/agents/${old.agent}`, { method: 'DELETE' })).status, 204)
  t.is((await post(node, '/api/agents/renew', body)).json.error.code, 'revoked')
  await agent.close()
  await first.close()
})

test('the active policy decides, and a change acts on the next session', async (t) => {
  const node = await startTestNode(t)
  const agent = await connect(node, await enrolled(t, node, node.setUp.enrolmentToken))
  const decided = async (ask: number) => {
    agent.send({ type: 'decide', ask, facts })
    const answer = () => agent.messages.find((message) => message.type === 'decision' && message.ask === ask)
    await agent.until(() => answer() !== undefined)
    return answer()
  }
  t.like(await decided(1), { screen: 'none', notify: false })
  const { policies } = (await node.ask('/api/policies/recording')).json
  t.is(policies.length, 5)
  t.deepEqual(
    policies
      .filter((policy: { active: boolean }) => policy.active)
      .map((policy: { id: string }) => policy.id),
    ['do-not-record'],
  )
  const activate = (id: string, as = node.token) =>
    node.ask('/api/policies/recording/active', { method: 'PUT', as, body: { id } })
  t.is((await activate('entire-with-notification')).status, 204)
  t.like(await decided(2), { screen: 'entire', notify: true })
  t.is((await activate('no-such')).status, 404)
  t.is((await activate('do-not-record', 'nobody')).status, 401)
  await agent.close()
})
