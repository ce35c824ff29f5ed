import { Readable } from 'node:stream'
import { Type } from '@fastify/type-provider-typebox'
import { readRecording } from '../../../codec/read-recording.ts'
import { AsciicastWriter } from '../../../format/asciicast-writer.ts'
import { concatBytes } from '../../../format/bytes.ts'
import { userOf } from '../access.ts'
import type { App, HttpContext } from '../context.ts'
import { foundRecording, readableBytes } from '../found-recording.ts'
import { IdParams } from './recording-routes.ts'

const Query = Type.Object({
  exact: Type.Optional(
    Type.Union([Type.Literal('0'), Type.Literal('1')], {
      description: '1 keeps bytes that are not UTF-8 as lone surrogates; 0 writes U+FFFD for them.',
    }),
  ),
})

export function addExportRoute(app: App, context: HttpContext): void {
  app.get(
    '/api/recordings/:id/export',
    {
      schema: {
        tags: ['recordings'],
        summary: 'The recording as asciicast v2',
        params: IdParams,
        querystring: Query,
      },
    },
    async (request, reply) => {
      const row = await foundRecording(context, request.params.id, userOf(request))
      const size = await readableBytes(context, row)
      const stored = context.store.readRange(row, 'cast', 0, size)
      const pieces = asciicast(stored, request.query.exact === '1')
      // The first piece before the headers: what cannot be read at all is refused with a reason.
      const first = await pieces.next()
      reply.type('application/x-asciicast').headers({
        'cache-control': 'no-store',
        'content-disposition': `attachment; filename="${row.id}.cast"`,
      })
      async function* all() {
        if (!first.done) yield first.value
        yield* pieces
      }
      return reply.send(Readable.from(all(), { objectMode: false }))
    },
  )
}

async function* asciicast(stored: AsyncIterable<Uint8Array>, exact: boolean): AsyncGenerator<Uint8Array> {
  const writer = new AsciicastWriter({ version: 2, exact })
  for await (const item of readRecording(stored)) {
    if (item.kind === 'header') yield writer.header(item.header)
    if (item.kind !== 'events') continue
    // A frame's events are in memory anyway; their text goes out in pieces the socket can hold back.
    for (let at = 0; at < item.events.length; at += eventsAtOnce)
      yield concatBytes(item.events.slice(at, at + eventsAtOnce).map((event) => writer.event(event)))
  }
  yield writer.finish()
}

const eventsAtOnce = 512
