import { Type } from '@fastify/type-provider-typebox'
import { mayAdminister } from '../../policy/decisions.ts'
import { systemPolicies } from '../../policy/recording-policy.ts'
import { userOf } from '../access.ts'
import type { App, HttpContext } from '../context.ts'
import { ensure, notFound } from '../http-error.ts'

const PolicyView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  active: Type.Boolean(),
  system: Type.Boolean({ description: 'Always there; neither changed nor deleted.' }),
})

/** Recording policies: which there are, and which one decides. */
export function addPolicyRoutes(app: App, { policy }: HttpContext): void {
  app.get(
    '/api/policies/recording',
    {
      schema: {
        tags: ['policies'],
        summary: 'List recording policies',
        response: { 200: Type.Object({ policies: Type.Array(PolicyView) }) },
      },
    },
    async (request) => {
      ensure(mayAdminister(userOf(request)))
      const active = await policy.current()
      return {
        policies: systemPolicies.map(({ id, name }) => ({
          id,
          name,
          active: id === active.id,
          system: true,
        })),
      }
    },
  )

  app.put(
    '/api/policies/recording/active',
    {
      schema: {
        tags: ['policies'],
        summary: 'Activate a recording policy; it acts on sessions that begin from now on',
        body: Type.Object({ id: Type.String({ maxLength: 64 }) }),
      },
    },
    async (request, reply) => {
      const user = userOf(request)
      ensure(mayAdminister(user))
      const { id } = request.body
      if (!(await policy.activate(id))) throw notFound(`recording policy ${id}`)
      request.log.info(
        { code: 'policy-activated', policy: id, by: user.name },
        'A recording policy was activated.',
      )
      return reply.status(204).send()
    },
  )
}
