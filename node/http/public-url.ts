import type { FastifyRequest } from 'fastify'
import type { HttpContext } from './context.ts'

/** Where people reach this node, for links: as configured, else as this request reached it. */
export function publicUrlOf({ config }: Pick<HttpContext, 'config'>, request: FastifyRequest): string {
  return config.publicUrl ?? `https://${request.host}`
}
