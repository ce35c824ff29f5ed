import { createHash, randomUUID, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Type } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { fromBase64url, toBase64url } from '../../../format/bytes.ts'
import { FormatError } from '../../../format/format-error.ts'
import { type AgentCertificate, openToken, signToken } from '../../../format/token.ts'
import { farmProofBytes, renewBytes } from '../../../wire/messages.ts'
import { addAgent, agentStanding, findAgentByKey, useEnrolmentToken } from '../../catalog/agents.ts'
import { certificateMs } from '../../importer-identity.ts'
import { openSharedAttempts, perAddress } from '../attempt-limit.ts'
import type { App, HttpContext } from '../context.ts'
import { HttpError } from '../http-error.ts'

const Key = Type.String({
  minLength: 43,
  maxLength: 43,
  description: 'Raw Ed25519 public key, base64url.',
})
const Host = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000-\\u001f\\u007f]+$' })
const Machine = Type.String({ maxLength: 64, description: 'machine-id(5); empty where there is none.' })
const Enrolled = Type.Object({ certificate: Type.String(), farmKey: Type.String(), agent: Type.String() })

/** Agents come with a one-time token, or their old identity, and go away with a certificate for their own key. */
export function addEnrolRoutes(app: App, context: HttpContext): void {
  const { db, farm, crypto, config, bus } = context
  const attempts = openSharedAttempts(bus, 'enrolments', perAddress)

  const certified = async (
    request: FastifyRequest,
    { key, host, machine, parent }: { key: string; host: string; machine: string; parent?: string },
  ) => {
    if (fromBase64url(key)?.length !== 32)
      throw new HttpError(400, 'key', 'Expected a raw Ed25519 public key in base64url.', 'Make a new key.')
    const nowMs = Date.now()
    // Asked again after a lost answer: the same key is the same agent.
    const known = await findAgentByKey(db, key)
    const agent = known?.id ?? randomUUID()
    if (!known)
      await addAgent(db, { id: agent, host, machine, publicKey: key, nowMs, ...(parent && { parent }) })
    const until = nowMs + certificateMs
    const certificate = signToken(
      { t: 'agent-certificate', agent, host, key, from: nowMs, until, farm: farm.id },
      farm.signer,
    )
    request.log.info(
      { code: parent ? 'agent-renewed' : 'agent-enrolled', agent, host, parent, address: request.ip },
      parent ? 'An agent has a new identity.' : 'An agent was enrolled.',
    )
    return { certificate, farmKey: toBase64url(farm.signer.publicKey), agent }
  }
  const refuseGuessing = (request: FastifyRequest) => {
    if (attempts.waitMs(request.ip) > 0)
      throw new HttpError(429, 'too-many-attempts', 'Too many attempts.', 'Wait, then try again.')
  }
  const refused = (request: FastifyRequest, code: string, text: string, hint: string) => {
    attempts.failed(request.ip)
    request.log.warn(
      { code: 'enrolment-refused', why: code, address: request.ip },
      'An enrolment was refused.',
    )
    return new HttpError(403, code, text, hint)
  }

  app.get(
    '/api/farm',
    {
      config: { open: true },
      schema: {
        tags: ['agents'],
        summary: "The farm's key, and its proof that this TLS certificate is the farm's",
        querystring: Type.Object({ nonce: Type.String({ minLength: 16, maxLength: 64 }) }),
        response: {
          200: Type.Object({
            farmKey: Type.String(),
            certificate: Type.String({ description: 'PEM; what to trust where no authority signed it.' }),
            signature: Type.String({
              description: 'Over `tapedeck.farm.1\\n<nonce>\\n<SHA-256 of the certificate>`.',
            }),
          }),
        },
      },
    },
    async (request) => {
      const certificate = await readFile(config.tlsCert, 'utf8')
      const fingerprint = createHash('sha256')
        .update(new X509Certificate(certificate).raw)
        .digest('base64url')
      const signature = farm.signer.sign(farmProofBytes(request.query.nonce, fingerprint))
      return {
        farmKey: toBase64url(farm.signer.publicKey),
        certificate,
        signature: toBase64url(signature),
      }
    },
  )

  app.post(
    '/api/agents/enroll',
    {
      config: { open: true },
      schema: {
        tags: ['agents'],
        summary: 'Enrol an agent with a token',
        body: Type.Object({ token: Type.String({ maxLength: 200 }), key: Key, host: Host, machine: Machine }),
        response: { 201: Enrolled },
      },
    },
    async (request, reply) => {
      refuseGuessing(request)
      const [secret = '', farmId] = request.body.token.split('.')
      if (farmId !== farm.id || !(await useEnrolmentToken(db, secret, Date.now())))
        throw refused(
          request,
          'enrolment-token',
          'This enrolment token is unknown, used up or expired.',
          'Make a new one with `tapedeck agent token`.',
        )
      return reply.status(201).send(await certified(request, request.body))
    },
  )

  app.post(
    '/api/agents/renew',
    {
      config: { open: true },
      schema: {
        tags: ['agents'],
        summary: 'Exchange an identity that another machine has too for a new one',
        body: Type.Object({
          certificate: Type.String({ maxLength: 4096 }),
          key: Key,
          host: Host,
          machine: Machine,
          signature: Type.String({
            maxLength: 86,
            description: 'By the old key over `tapedeck.renew.1\\n<farm>\\n<key>\\n<machine>`.',
          }),
        }),
        response: { 201: Enrolled },
      },
    },
    async (request, reply) => {
      refuseGuessing(request)
      const { certificate, key, machine, signature } = request.body
      const old = openedCertificate(certificate)
      const shown = fromBase64url(signature)
      const oldKey = old && fromBase64url(old.key)
      if (!oldKey || !shown || !crypto.verify(oldKey, renewBytes(farm.id, key, machine), shown))
        throw refused(request, 'identity', 'This is not an agent of this farm.', 'Enrol it with a token.')
      if (old.until <= Date.now() || (await agentStanding(db, old.agent)) === 'revoked')
        throw refused(request, 'revoked', 'This agent may not renew itself.', 'Enrol it with a token.')
      return reply.status(201).send(await certified(request, { ...request.body, parent: old.agent }))
    },
  )

  function openedCertificate(token: string): AgentCertificate | undefined {
    try {
      return openToken(token, 'agent-certificate', farm.signer.publicKey, crypto)
    } catch (error) {
      if (error instanceof FormatError) return undefined
      throw error
    }
  }
}
