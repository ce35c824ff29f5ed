import { Type } from '@fastify/type-provider-typebox'
import { FormatError } from '../../../format/format-error.ts'
import { openToken, type Share, signToken } from '../../../format/token.ts'
import { findRecording } from '../../catalog/recordings.ts'
import { findUser } from '../../catalog/users.ts'
import { mayFollowLink } from '../../policy/decisions.ts'
import { userOf } from '../access.ts'
import type { App, HttpContext } from '../context.ts'
import { foundRecording } from '../found-recording.ts'
import { ensure, HttpError, notFound } from '../http-error.ts'
import { IdParams } from './recording-routes.ts'

// SPEC S17: a link cannot be forged, expires, is checked at each use against what its issuer may see now, and never widens
// what its reader may see.

const expiresInSDefault = 2 * 86_400
/** A link that lives longer is a way around roles that nobody remembers. */
const expiresInSMax = 30 * 86_400

export function addLinkRoutes(app: App, context: HttpContext): void {
  const { db, farm, crypto } = context

  app.post(
    '/api/recordings/:id/links',
    {
      schema: {
        tags: ['links'],
        summary: 'Make a link to a moment',
        params: IdParams,
        body: Type.Object({
          timeUs: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
          expiresInS: Type.Optional(Type.Integer({ minimum: 1, maximum: expiresInSMax })),
        }),
        response: { 201: Type.Object({ url: Type.String(), expires: Type.String() }) },
      },
    },
    async (request, reply) => {
      const user = userOf(request)
      const row = await foundRecording(context, request.params.id, user)
      const { timeUs, expiresInS = expiresInSDefault } = request.body
      const until = Date.now() + expiresInS * 1000
      const token = signToken(
        { t: 'share', recording: row.id, time: timeUs, issuer: user.name, until, farm: farm.id },
        farm.signer,
      )
      return reply.status(201).send({ url: `/s/${token}`, expires: new Date(until).toISOString() })
    },
  )

  app.get(
    '/api/links/:token',
    {
      schema: {
        tags: ['links'],
        summary: 'Where a link leads',
        params: Type.Object({ token: Type.String({ maxLength: 4096 }) }),
        response: { 200: Type.Object({ recording: Type.String(), timeUs: Type.Integer() }) },
      },
    },
    async (request) => {
      const share = opened(request.params.token)
      if (share.until <= Date.now())
        throw new HttpError(410, 'link-expired', 'This link has expired.', 'Ask for a new one.')
      const row = await findRecording(db, share.recording)
      const seen = row ?? { userName: '', host: '', application: '' }
      ensure(mayFollowLink(await findUser(db, share.issuer), userOf(request), seen))
      if (!row) throw notFound(`recording ${share.recording}`)
      return { recording: row.id, timeUs: share.time }
    },
  )

  function opened(token: string): Share {
    try {
      return openToken(token, 'share', farm.signer.publicKey, crypto)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      throw new HttpError(
        403,
        'link',
        'This link was not made here, or was changed.',
        'Copy it again, whole.',
      )
    }
  }
}
