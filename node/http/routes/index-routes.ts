import { Type } from '@fastify/type-provider-typebox'
import { toBase64url } from '../../../format/bytes.ts'
import type { IndexBlock } from '../../../format/index-block.ts'
import { coveredBytes } from '../../../format/index-records.ts'
import { mayAdminister } from '../../policy/decisions.ts'
import { userOf } from '../access.ts'
import type { App, HttpContext } from '../context.ts'
import { foundRecording, readableBytes, seenStream } from '../found-recording.ts'
import { busy, HttpError } from '../http-error.ts'
import { isWhole, openPosters } from '../posters.ts'
import { Stream } from './content-routes.ts'
import { IdParams } from './recording-routes.ts'

const count = Type.Integer({ minimum: 0 })
const state = Type.String({
  description: 'ready; waits: it is being made; none; else why it could not be made.',
})
const place = { at: count, size: count }

/** What is derived of a recording: where its pictures are, when something happened, what it looks like. */
export function addIndexRoutes(app: App, context: HttpContext): void {
  const { indexer } = context
  const posters = openPosters(context)

  app.get(
    '/api/recordings/:id/index',
    {
      schema: {
        tags: ['recordings'],
        summary: 'What is known of a recording without reading it; may be short of its end, or empty',
        params: IdParams,
        // Default: what is looked at, the screen of a desktop.
        querystring: Type.Object({ stream: Type.Optional(Stream) }),
        response: {
          200: Type.Object({
            state,
            coveredBytes: Type.Integer({ description: 'Of the stream.' }),
            activity: Type.Array(
              Type.Object({
                offset: Type.Integer({ description: 'Of the frame.' }),
                everyUs: count,
                counts: Type.Array(count, {
                  description: 'Pairs: stretches without output, output in the next; of a screen in pixels.',
                }),
              }),
            ),
            refused: Type.Array(
              Type.Object({
                offset: Type.Integer({ description: 'Of the frame.' }),
                timeUs: count,
                code: Type.String({ description: 'Why nothing of it is shown from then on.' }),
              }),
            ),
            pictures: Type.Array(
              Type.Object({ frame: count, event: count, timeUs: count, rawBytes: count, ...place }),
            ),
            images: Type.Array(
              Type.Object({
                use: Type.String({ description: 'poster or strip' }),
                type: Type.String(),
                width: count,
                height: count,
                columns: count,
                timesUs: Type.Array(count),
                ...place,
              }),
            ),
          }),
        },
      },
    },
    async (request, reply) => {
      const row = await foundRecording(context, request.params.id, userOf(request))
      const { stream = seenStream(row) } = request.query
      const table = await indexer.table(row)
      const frames = (table?.frames ?? []).filter((frame) => frame.stream === stream)
      posters.want(row, table)
      const waiting = indexer.state(row.id)
      reply.header('cache-control', 'no-store')
      return {
        state: waiting === 'idle' ? (isWhole(row, table) ? 'ready' : 'none') : stateText(waiting),
        coveredBytes: table ? coveredBytes(table, stream) : 0,
        activity: frames.flatMap(({ offset, activity }) => (activity ? [{ offset, ...activity }] : [])),
        refused: frames.flatMap(({ offset, refused }) => (refused ? [{ offset, ...refused }] : [])),
        pictures: stream === 'cast' ? (table?.pictures ?? []) : [],
        images: table?.images ?? [],
      }
    },
  )

  app.get(
    '/api/recordings/:id/index/:at',
    {
      schema: {
        tags: ['recordings'],
        summary: 'A picture (zstd) or an image of the index, by its place',
        params: Type.Intersect([IdParams, Type.Object({ at: count })]),
      },
    },
    async (request, reply) => {
      const row = await foundRecording(context, request.params.id, userOf(request))
      const block = await indexer.block(row, request.params.at)
      if (block?.kind !== 'picture' && block?.kind !== 'image')
        throw new HttpError(404, 'index-block', 'The index has nothing there.', 'Read the index again.')
      return sendBlock(block, request.headers['if-none-match'], reply)
    },
  )

  app.get(
    '/api/recordings/:id/poster',
    {
      schema: {
        tags: ['recordings'],
        summary: 'What it looks like: now, while the session runs; 204 where nothing can be shown yet',
        params: IdParams,
      },
    },
    async (request, reply) => {
      const row = await foundRecording(context, request.params.id, userOf(request))
      const poster = await posters.of(row)
      reply.header('cache-control', 'private, no-cache')
      if (!poster) return reply.status(204).send()
      const tag = `"${poster.tag}"`
      reply.headers({ etag: tag })
      if (request.headers['if-none-match'] === tag) return reply.status(304).send()
      return reply.type(poster.type).send(Buffer.from(poster.bytes))
    },
  )

  app.post(
    '/api/recordings/:id/index',
    {
      schema: {
        tags: ['recordings'],
        summary: 'Make the index anew; GET tells when it is ready',
        params: IdParams,
        response: { 202: Type.Object({ state }) },
      },
    },
    async (request, reply) => {
      const row = await foundRecording(context, request.params.id, userOf(request), mayAdminister)
      if (row.state === 'live')
        throw new HttpError(
          409,
          'live',
          'The session still runs: its index grows with it.',
          'Wait for its end.',
        )
      await readableBytes(context, row)
      // Others of the node or farm, who are asked whether it is ready, must not mean the one before.
      await context.store.dropIndex(row)
      if (!indexer.build(row.id, true)) throw busy()
      return reply.status(202).send({ state: 'waits' })
    },
  )
}

function stateText(waiting: 'waits' | { code: string }): string {
  return waiting === 'waits' ? waiting : waiting.code
}

function sendBlock(
  { kind, facts, body, mac }: IndexBlock,
  known: string | undefined,
  reply: {
    headers(values: object): unknown
    status(code: number): { send(): unknown }
    type(type: string): { send(bytes: Buffer): unknown }
  },
) {
  const tag = `"${toBase64url(mac)}"`
  reply.headers({ etag: tag, 'cache-control': 'private, no-cache' })
  if (known === tag) return reply.status(304).send()
  return reply.type(kind === 'image' ? String(facts.type) : 'application/zstd').send(Buffer.from(body))
}
