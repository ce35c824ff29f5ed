import { readFile } from 'node:fs/promises'
import type { ExecutionContext } from 'ava'
import { generateKeyPem, signerFromPem } from '../../codec/ed25519.ts'
import { toBase64url } from '../../format/bytes.ts'
import { connectAgent, type TestAgent } from '../node/ingest/test-agent.ts'
import { type Identities, makeIdentities } from './sample-stream.ts'
import type { TestNode } from './test-node.ts'

/** An agent enrolled over the API, as a host does it. */
export async function enrolledAgent(
  t: ExecutionContext,
  node: TestNode,
): Promise<{ agent: TestAgent; identities: Identities; id: string }> {
  const pem = generateKeyPem()
  const signer = signerFromPem(pem)
  const body = {
    token: node.setUp.enrolmentToken,
    key: toBase64url(signer.publicKey),
    host: 'ward-7',
    machine: 'm-1',
  }
  const { status, json } = await node.ask('/api/agents/enroll', { method: 'POST', as: 'nobody', body })
  t.is(status, 201)
  t.is(json.farmKey, toBase64url(node.farm.publicKey))
  const identities = {
    ...makeIdentities(await readFile(node.config.farmKey, 'utf8'), pem),
    certificate: json.certificate,
  }
  const agent = await connectAgent(`wss://localhost:${node.node.port}/agent/v1`, identities, { ca: node.ca })
  t.teardown(() => agent.close())
  return { agent, identities, id: json.agent as string }
}
