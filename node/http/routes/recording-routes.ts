import { type Static, Type } from '@fastify/type-provider-typebox'
import { encodeCursor, parseCursor } from '../../catalog/cursor.ts'
import { listRecordings, pageRowsMax } from '../../catalog/list-recordings.ts'
import { type RecordingFilter, recordingStates } from '../../catalog/recording-filter.ts'
import { buryRecording, forgetRecording, recordingsOfSession } from '../../catalog/recordings.ts'
import type { RecordingState } from '../../catalog/schema.ts'
import { mayAdminister, mayList, mayPlay } from '../../policy/decisions.ts'
import { userOf } from '../access.ts'
import type { App, HttpContext } from '../context.ts'
import { foundRecording, readableBytes, streamBytes } from '../found-recording.ts'
import { ensure, HttpError } from '../http-error.ts'
import { Recording, recordingProperties, recordingView } from '../recording-view.ts'

const word = Type.Optional(Type.String({ maxLength: 256 }))
const named = Type.Optional(
  Type.String({ maxLength: 256, description: 'Exact; a beginning when it ends in *.' }),
)
const ListQuery = Type.Object({
  user: named,
  host: named,
  application: named,
  state: Type.Optional(
    Type.String({ maxLength: 64, description: 'live, complete, dormant; several with commas.' }),
  ),
  from: Type.Optional(
    Type.String({ maxLength: 40, description: 'Started at or after this time, ISO 8601.' }),
  ),
  to: Type.Optional(Type.String({ maxLength: 40, description: 'Started before this time.' })),
  q: Type.Optional(
    Type.String({ maxLength: 256, description: 'Part of user, host, application, command or client.' }),
  ),
  sort: Type.Optional(Type.Union([Type.Literal('-start'), Type.Literal('start')])),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageRowsMax })),
  after: word,
})
export const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) })
const limitDefault = 50

export function addRecordingRoutes(app: App, context: HttpContext): void {
  const { db, store, ingest } = context

  app.get(
    '/api/recordings',
    {
      schema: {
        tags: ['recordings'],
        summary: 'List recordings, page by page',
        querystring: ListQuery,
        response: {
          200: Type.Object({ recordings: Type.Array(Recording), next: Type.Optional(Type.String()) }),
        },
      },
    },
    async (request) => {
      ensure(mayList(userOf(request)))
      const { sort = '-start', limit = limitDefault, after, ...rest } = request.query
      const cursor = after === undefined || after === '' ? undefined : parseCursor(after)
      if (after && !cursor) throw invalid('after', 'the `next` of the page before', after)
      const { rows, next } = await listRecordings(db, {
        filter: filterOf(rest),
        order: sort === 'start' ? 'oldest' : 'newest',
        limit,
        ...(cursor && { after: cursor }),
      })
      const nowMs = Date.now()
      return {
        recordings: rows.map((row) => recordingView(row, nowMs)),
        ...(next && { next: encodeCursor(next) }),
      }
    },
  )

  app.get(
    '/api/recordings/:id',
    {
      schema: {
        tags: ['recordings'],
        summary: 'One recording',
        params: IdParams,
        response: {
          200: Type.Object({
            ...recordingProperties,
            facts: Type.Record(Type.String(), Type.Unknown()),
            streams: Type.Array(Type.Object({ stream: Type.String(), size: Type.Integer() })),
            followUps: Type.Array(Type.String(), { description: 'All files of the session, in order.' }),
          }),
        },
      },
    },
    async (request) => {
      const viewer = userOf(request)
      const row = await foundRecording(context, request.params.id, viewer)
      const session = await recordingsOfSession(db, row.session)
      // A store that is away must not hide what the catalog knows.
      const sizes = await Promise.all(
        (['cast', 'rfb'] as const).map(async (stream) => {
          const size = await (stream === 'cast'
            ? readableBytes(context, row)
            : streamBytes(context, row, stream)
          ).catch(() => undefined)
          return size === undefined ? [] : [{ stream, size }]
        }),
      )
      return {
        ...recordingView(row, Date.now()),
        facts: JSON.parse(row.facts) as Record<string, unknown>,
        streams: sizes.flat(),
        followUps: session.filter((other) => mayPlay(viewer, other).allowed).map((other) => other.id),
      }
    },
  )

  app.delete(
    '/api/recordings/:id',
    { schema: { tags: ['recordings'], summary: 'Delete a recording for good', params: IdParams } },
    async (request, reply) => {
      const user = userOf(request)
      const row = await foundRecording(context, request.params.id, user, mayAdminister)
      // The tombstone first: an agent that comes back meanwhile must not bring the recording back.
      await buryRecording(db, { recording: row.id, deletedBy: user.name, nowMs: Date.now() })
      ingest.discard(row.id)
      await store.remove(row)
      await forgetRecording(db, row.id)
      request.log.info(
        { code: 'recording-deleted', recording: row.id, by: user.name },
        'A recording was deleted.',
      )
      return reply.status(204).send()
    },
  )
}

function filterOf(query: Omit<Static<typeof ListQuery>, 'sort' | 'limit' | 'after'>): RecordingFilter {
  const filter: RecordingFilter = {}
  if (query.user) filter.user = query.user
  if (query.host) filter.host = query.host
  if (query.application) filter.application = query.application
  if (query.q) filter.text = query.q
  if (query.state) filter.states = query.state.split(',').map(stateOf)
  if (query.from) filter.fromMs = timeOf('from', query.from)
  if (query.to) filter.toMs = timeOf('to', query.to)
  return filter
}

function stateOf(text: string): RecordingState {
  const state = recordingStates.find((known) => known === text)
  if (!state) throw invalid('state', recordingStates.join(', '), text)
  return state
}

function timeOf(name: string, text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw invalid(name, 'a time such as 2026-07-01T12:00:00Z', text)
  return ms
}

function invalid(name: string, expected: string, got: string): HttpError {
  return new HttpError(
    400,
    'invalid',
    `${name}: expected ${expected}, got ${got}.`,
    'See /api for what is expected.',
  )
}
