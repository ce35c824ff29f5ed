import { Type } from '@fastify/type-provider-typebox'
import type { FastifyError } from 'fastify'
import { FormatError } from '../../format/format-error.ts'
import { CatalogError } from '../catalog/catalog-error.ts'
import { StoreError } from '../store/store-error.ts'
import type { App } from './context.ts'
import { HttpError } from './http-error.ts'

/** The body of every refusal. */
export const ErrorBody = Type.Object(
  { error: Type.Object({ code: Type.String(), text: Type.String(), hint: Type.String() }) },
  {
    $id: 'Error',
    description: '`code` is stable; `text` says what was expected and what came; `hint` what to do.',
  },
)

/** Turns what routes throw into answers, and logs once what is ours. */
export function addErrors(app: App): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const refused = refusalOf(error)
    // A browser that went away is nobody's error.
    if (reply.raw.headersSent || reply.raw.destroyed) return reply.raw.destroy()
    if (refused.status >= 500)
      request.log.error(
        { code: refused.code, route: request.routeOptions.url, err: error },
        'A request failed.',
      )
    return reply.status(refused.status).headers(refused.headers).send(bodyOf(refused))
  })
}

export function bodyOf({ code, message, hint }: HttpError) {
  return { error: { code, text: message, hint } }
}

function refusalOf(error: FastifyError | Error): HttpError {
  if (error instanceof HttpError) return error
  // Its own text names servers, and whoever asks may not be signed in.
  if (error instanceof CatalogError)
    return new HttpError(503, error.code, 'The catalog cannot be used now.', 'Try again in a moment.', {
      'retry-after': '1',
    })
  if (error instanceof StoreError)
    return error.code === 'not-found'
      ? new HttpError(404, 'file-missing', error.message, error.hint)
      : new HttpError(503, error.code, error.message, error.hint)
  if (error instanceof FormatError) return new HttpError(422, error.code, error.message, error.hint ?? '')
  const { statusCode = 500, code, validation } = error as FastifyError
  if (validation) return new HttpError(400, 'invalid', error.message, 'See /api for what is expected.')
  if (statusCode === 413) return new HttpError(413, 'too-large', 'The body is too large.', 'Send less.')
  if (statusCode < 500) return new HttpError(statusCode, codeOf(code), error.message)
  return new HttpError(500, 'internal', 'Something went wrong here.', "The node's log says what.")
}

/** FST_ERR_CTP_INVALID_MEDIA_TYPE → invalid-media-type */
function codeOf(code: string | undefined): string {
  return (code ?? 'refused')
    .replace(/^FST_ERR_(CTP_)?/, '')
    .toLowerCase()
    .replaceAll('_', '-')
}
