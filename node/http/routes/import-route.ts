import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Type } from '@fastify/type-provider-typebox'
import { importFile } from '../../import/import-file.ts'
import { mayAdminister } from '../../policy/decisions.ts'
import { userOf } from '../access.ts'
import type { App, HttpContext } from '../context.ts'
import { busy, ensure, HttpError } from '../http-error.ts'

/** What one upload may have: the largest recording is 300 MB (SPEC S8), an asciicast of it some ten times that. */
const importBytesMax = 4 * 1024 * 1024 * 1024

/** Takes a recording, or an asciicast that this node then signs for. */
export async function addImportRoute(app: App, context: HttpContext): Promise<void> {
  await app.register(async (scope) => {
    // Any type of body, as a stream.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    ;(scope as unknown as App).post(
      '/api/recordings',
      {
        bodyLimit: importBytesMax,
        schema: {
          tags: ['recordings'],
          summary:
            'Import a .cast.zst of Tapedeck, a .rfb.zst that joins it, or an asciicast (version 1, 2 or 3)',
          querystring: Type.Object({
            name: Type.Optional(Type.String({ maxLength: 256, description: "The file's name." })),
          }),
          response: { 201: Type.Object({ id: Type.String() }) },
        },
      },
      async (request, reply) => {
        const user = userOf(request)
        ensure(mayAdminister(user))
        const done = await context.heavy.run(() =>
          withTemp(context.config.temp, async (temp) => {
            const upload = `${temp}.upload`
            try {
              await pipeline(request.body as Readable, bounded, createWriteStream(upload, { mode: 0o600 }))
              return await importFile(context, upload, { name: request.query.name ?? '', user: user.name })
            } finally {
              await rm(upload, { force: true })
            }
          }),
        )
        if (!done) throw busy()
        const id = done.value
        request.log.info(
          { code: 'recording-imported', recording: id, by: user.name },
          'A recording was imported.',
        )
        return reply.status(201).send({ id })
      },
    )
  })
}

async function withTemp<T>(folder: string, work: (path: string) => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return await work(join(folder, randomUUID()))
}

async function* bounded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.length
    if (bytes > importBytesMax)
      throw new HttpError(
        413,
        'too-large',
        `An import may have ${importBytesMax} bytes.`,
        'Split the recording.',
      )
    yield piece
  }
}
