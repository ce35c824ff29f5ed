import { randomUUID } from 'node:crypto'
import { Type } from '@fastify/type-provider-typebox'
import { fromBase64url, toBase64url } from '../../../format/bytes.ts'
import { signToken } from '../../../format/token.ts'
import { addAgent, addEnrolmentToken, revokeAgent, useEnrolmentToken } from '../../catalog/agents.ts'
import { certificateMs } from '../../importer-identity.ts'
import { mayAdminister } from '../../policy/decisions.ts'
import { userOf } from '../access.ts'
import { AttemptLimit, perAddress } from '../attempt-limit.ts'
import type { App, HttpContext } from '../context.ts'
import { ensure, HttpError, notFound } from '../http-error.ts'

/** One token for all hosts of an image, and not for ever. */
const usesMax = 100_000
const expiresInSMax = 365 * 86_400

/** Agents come with a one-time token and go away with a certificate for their own key. */
export function addAgentRoutes(app: App, context: HttpContext): void {
  const { db, farm, ingest } = context
  const attempts = new AttemptLimit(perAddress)

  app.post(
    '/api/agents/tokens',
    {
      schema: {
        tags: ['agents'],
        summary: 'Make an enrolment token',
        body: Type.Object({
          uses: Type.Optional(Type.Integer({ minimum: 1, maximum: usesMax })),
          expiresInS: Type.Optional(Type.Integer({ minimum: 1, maximum: expiresInSMax })),
        }),
        response: { 201: Type.Object({ token: Type.String(), expires: Type.String() }) },
      },
    },
    async (request, reply) => {
      const user = userOf(request)
      ensure(mayAdminister(user))
      const { uses = 1, expiresInS = 3600 } = request.body
      const expiresMs = Date.now() + expiresInS * 1000
      const secret = await addEnrolmentToken(db, { uses, expiresMs, createdBy: user.name })
      request.log.info({ code: 'enrolment-token', uses, by: user.name }, 'An enrolment token was made.')
      return reply
        .status(201)
        .send({ token: `${secret}.${farm.id}`, expires: new Date(expiresMs).toISOString() })
    },
  )

  app.post(
    '/api/agents/enroll',
    {
      config: { open: true },
      schema: {
        tags: ['agents'],
        summary: 'Enrol an agent with a token',
        body: Type.Object({
          token: Type.String({ maxLength: 200 }),
          key: Type.String({
            minLength: 43,
            maxLength: 43,
            description: 'Raw Ed25519 public key, base64url.',
          }),
          host: Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000-\\u001f\\u007f]+$' }),
          machine: Type.String({ maxLength: 255 }),
        }),
        response: {
          201: Type.Object({ certificate: Type.String(), farmKey: Type.String(), agent: Type.String() }),
        },
      },
    },
    async (request, reply) => {
      const { token, key, host, machine } = request.body
      if (attempts.waitMs(request.ip) > 0)
        throw new HttpError(429, 'too-many-attempts', 'Too many attempts.', 'Wait, then try again.')
      if (fromBase64url(key)?.length !== 32)
        throw new HttpError(400, 'key', 'Expected a raw Ed25519 public key in base64url.', 'Make a new key.')
      const [secret = '', farmId] = token.split('.')
      const nowMs = Date.now()
      if (farmId !== farm.id || !(await useEnrolmentToken(db, secret, nowMs))) {
        attempts.failed(request.ip)
        request.log.warn(
          { code: 'enrolment-refused', host, address: request.ip },
          'An enrolment was refused.',
        )
        throw new HttpError(
          403,
          'enrolment-token',
          'This enrolment token is unknown, used up or expired.',
          'Make a new one with `tapedeck agent token`.',
        )
      }
      const agent = randomUUID()
      await addAgent(db, { id: agent, host, machine, publicKey: key, nowMs })
      const certificate = signToken(
        {
          t: 'agent-certificate',
          agent,
          host,
          key,
          from: nowMs,
          until: nowMs + certificateMs,
          farm: farm.id,
        },
        farm.signer,
      )
      request.log.info({ code: 'agent-enrolled', agent, host, address: request.ip }, 'An agent was enrolled.')
      return reply.status(201).send({ certificate, farmKey: toBase64url(farm.signer.publicKey), agent })
    },
  )

  app.delete(
    '/api/agents/:id',
    {
      schema: {
        tags: ['agents'],
        summary: 'Revoke an agent: it may send nothing more',
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
      },
    },
    async (request, reply) => {
      const user = userOf(request)
      ensure(mayAdminister(user))
      const { id } = request.params
      if (!(await revokeAgent(db, id, Date.now()))) throw notFound('such agent')
      ingest.disconnect(id)
      request.log.info({ code: 'agent-revoked', agent: id, by: user.name }, 'An agent was revoked.')
      return reply.status(204).send()
    },
  )
}
