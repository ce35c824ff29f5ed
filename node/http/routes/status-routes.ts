import { Type } from '@fastify/type-provider-typebox'
import { sql } from 'kysely'
import { listAgents } from '../../catalog/agents.ts'
import { countByState } from '../../catalog/recordings.ts'
import { mayAdminister, mayList } from '../../policy/decisions.ts'
import { cookieName, identify, userOf } from '../access.ts'
import { connectedAgents } from '../connected-agents.ts'
import type { App, HttpContext } from '../context.ts'
import { ensure, HttpError } from '../http-error.ts'
import { openReadiness } from '../readiness.ts'

const Status = Type.Object({
  version: Type.String(),
  node: Type.String(),
  farm: Type.String(),
  uptimeS: Type.Integer(),
  recordings: Type.Optional(Type.Record(Type.String(), Type.Integer())),
  agents: Type.Array(
    Type.Object({
      id: Type.String(),
      host: Type.String(),
      lastSeen: Type.String(),
      connected: Type.Boolean(),
    }),
  ),
  stores: Type.Optional(
    Type.Array(
      Type.Object({
        path: Type.String(),
        store: Type.Optional(Type.String()),
        error: Type.Optional(Type.Object({ code: Type.String(), text: Type.String() })),
      }),
    ),
  ),
})

export function addStatusRoutes(app: App, context: HttpContext): void {
  const { db, ingest, store, config, farm, version, startedMs, metrics } = context

  app.get(
    '/api/status',
    {
      schema: {
        tags: ['status'],
        summary: 'This node; agents and stores for administrators, counts for players',
        response: { 200: Status },
      },
    },
    async (request) => {
      const user = userOf(request)
      const administers = mayAdminister(user).allowed
      const agents = administers ? await listAgents(db) : []
      const isConnected = connectedAgents(context)
      return {
        version,
        node: config.name,
        farm: farm.id,
        uptimeS: Math.floor((Date.now() - startedMs) / 1000),
        ...((administers || mayList(user).allowed) && { recordings: await countByState(db) }),
        agents: agents
          .filter((agent) => agent.revokedMs === null)
          .map((agent) => ({
            id: agent.id,
            host: agent.host,
            lastSeen: new Date(agent.seenMs).toISOString(),
            connected: isConnected(agent),
          })),
        ...(administers && { stores: await store.check() }),
      }
    },
  )

  // Numbers tell who works when: for this machine, the monitors that the config names, and administrators.
  const monitors = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1', ...config.monitors])
  app.get('/metrics', { schema: { hide: true }, config: { open: true } }, async (request, reply) => {
    if (!monitors.has(request.ip)) {
      const identity = await identify(db, {
        authorization: request.headers.authorization,
        cookie: request.cookies[cookieName],
      })
      if (!identity)
        throw new HttpError(401, 'not-signed-in', 'Metrics are for monitors.', 'See `monitors` in node.json.')
      ensure(mayAdminister(identity.user))
    }
    return reply.type(metrics.contentType).send(await metrics.text(await context.ofWorkers?.()))
  })

  app.get('/healthz', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/plain').send('ok\n'),
  )

  const readiness = openReadiness(async () => {
    await sql`select 1`.execute(db)
    return ingest.stats().trouble?.code ?? (await store.check()).find(({ error }) => error)?.error?.code
  })
  app.get('/readyz', { schema: { hide: true } }, async (_request, reply) => {
    const code = await readiness()
    if (code === undefined) return reply.type('text/plain').send('ready\n')
    throw new HttpError(
      503,
      code,
      'A store or the catalog cannot be used now.',
      'Agents keep what is not acknowledged.',
    )
  })
}
