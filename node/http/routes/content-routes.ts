import { Type } from '@fastify/type-provider-typebox'
import { userOf } from '../access.ts'
import { parseRange } from '../byte-range.ts'
import type { App, HttpContext } from '../context.ts'
import { exactStream } from '../exact-stream.ts'
import { foundRecording, readableBytes } from '../found-recording.ts'
import { HttpError, liveOff } from '../http-error.ts'
import { indexedFrames } from '../indexed-frames.ts'
import { IdParams } from './recording-routes.ts'

const Frame = Type.Object({
  kind: Type.String({ description: 'frame, gap or end' }),
  offset: Type.Integer(),
  size: Type.Integer(),
  bodyOffset: Type.Optional(Type.Integer()),
  bodySize: Type.Optional(Type.Integer()),
  startUs: Type.Integer(),
  endUs: Type.Integer(),
  wallMs: Type.Optional(Type.Integer()),
  rawBytes: Type.Optional(Type.Integer()),
  sealed: Type.Boolean({ description: 'Proven by a SEAL, GAP or END.' }),
  reason: Type.Optional(Type.String()),
})

export const Stream = Type.Union([Type.Literal('cast'), Type.Literal('rfb')], {
  description: 'cast: the timeline; rfb: the screen of a desktop.',
})

/** The stored bytes and where their frames lie. */
export function addContentRoutes(app: App, context: HttpContext): void {
  const { store, ingest } = context

  app.get(
    '/api/recordings/:id/frames',
    {
      schema: {
        tags: ['recordings'],
        summary: 'Where frames, gaps and the end lie',
        params: IdParams,
        querystring: Type.Object({ stream: Type.Optional(Stream) }),
        response: { 200: Type.Object({ size: Type.Integer(), frames: Type.Array(Frame) }) },
      },
    },
    async (request, reply) => {
      const row = await foundRecording(context, request.params.id, userOf(request))
      const { stream = 'cast' } = request.query
      const table =
        ingest.frames(row.id, stream) ??
        (await indexedFrames(context, row, stream)) ??
        (await store.frames(row, stream))
      reply.header('cache-control', 'no-store')
      return table
    },
  )

  app.get(
    '/api/recordings/:id/streams/:stream',
    {
      schema: {
        tags: ['recordings'],
        summary: 'A stored stream (application/zstd), whole or a byte range; a live one grows',
        params: Type.Intersect([IdParams, Type.Object({ stream: Stream })]),
      },
    },
    async (request, reply) => {
      const row = await foundRecording(context, request.params.id, userOf(request))
      const { stream } = request.params
      const size = await readableBytes(context, row, stream)
      // Bytes at an offset never change (I3), so a range of any earlier size is still good; the whole is not.
      const tag = `"${row.id}.${stream}.${size}"`
      reply.headers({ 'accept-ranges': 'bytes', etag: tag, 'cache-control': 'private, no-cache' })
      reply.type('application/zstd')
      if (request.headers['if-none-match'] === tag) return reply.status(304).send()
      const condition = request.headers['if-range']
      const fresh = condition === undefined || String(condition).startsWith(`"${row.id}.${stream}.`)
      const range = fresh ? parseRange(request.headers.range, size) : undefined
      if (range === 'unsatisfiable')
        throw new HttpError(416, 'range', `The stream has ${size} bytes.`, 'Ask for bytes below that.', {
          'content-range': `bytes */${size}`,
          'content-type': 'application/json; charset=utf-8',
        })
      const { from, to } = range ?? { from: 0, to: size }
      if (range) reply.status(206).header('content-range', `bytes ${from}-${to - 1}/${size}`)
      reply.header('content-length', String(to - from))
      if (request.method === 'HEAD' || to === from) return reply.send('')
      return reply.send(exactStream(store.readRange(row, stream, from, to), to - from))
    },
  )

  // A browser does not learn why a WebSocket was refused: here it can ask.
  app.get(
    '/api/recordings/:id/live',
    {
      schema: { hide: true, params: IdParams },
    },
    async (request) => {
      await foundRecording(context, request.params.id, userOf(request))
      if (!context.config.live) throw liveOff()
      throw new HttpError(426, 'websocket', 'This address is a WebSocket.', 'See /api.', {
        upgrade: 'websocket',
      })
    },
  )
}
