import { Type } from '@fastify/type-provider-typebox'
import { addEnrolmentToken, listAgents, revokeAgent } from '../../catalog/agents.ts'
import { mayAdminister } from '../../policy/decisions.ts'
import { userOf } from '../access.ts'
import { connectedAgents } from '../connected-agents.ts'
import type { App, HttpContext } from '../context.ts'
import { ensure, notFound } from '../http-error.ts'

/** One token for all hosts of an image, and not for ever. */
const usesMax = 100_000
const expiresInSMax = 365 * 86_400

const AgentView = Type.Object({
  id: Type.String(),
  host: Type.String(),
  machine: Type.String(),
  enrolled: Type.String(),
  seen: Type.String(),
  connected: Type.Boolean(),
  unrecordedLogins: Type.Optional(
    Type.Integer({
      description:
        'On this host, now and in the last hour, by nobody recorded; only of agents connected to this node.',
    }),
  ),
  revoked: Type.Optional(Type.String()),
  renewedFrom: Type.Optional(Type.String()),
})

/** What administrators do with agents; enrol-routes has what agents do themselves. */
export function addAgentRoutes(app: App, context: HttpContext): void {
  const { db, farm, ingest } = context

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

  app.get(
    '/api/agents',
    {
      schema: {
        tags: ['agents'],
        summary: 'List agents',
        response: { 200: Type.Object({ agents: Type.Array(AgentView) }) },
      },
    },
    async (request) => {
      ensure(mayAdminister(userOf(request)))
      const isConnected = connectedAgents(context)
      const here = new Map(ingest.stats().agents.map((one) => [one.agent, one]))
      return {
        agents: (await listAgents(db)).map((agent) => ({
          id: agent.id,
          host: agent.host,
          machine: agent.machine,
          enrolled: new Date(agent.enrolledMs).toISOString(),
          seen: new Date(agent.seenMs).toISOString(),
          connected: isConnected(agent),
          ...(here.get(agent.id)?.unrecordedLogins !== undefined && {
            unrecordedLogins: here.get(agent.id)!.unrecordedLogins,
          }),
          ...(agent.revokedMs !== null && { revoked: new Date(agent.revokedMs).toISOString() }),
          ...(agent.parent !== null && { renewedFrom: agent.parent }),
        })),
      }
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
