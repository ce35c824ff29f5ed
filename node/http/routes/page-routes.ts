import { existsSync } from 'node:fs'
import { join, sep } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { App, HttpContext } from '../context.ts'
import { bodyOf } from '../errors.ts'
import { HttpError } from '../http-error.ts'

const notBuilt = `<!doctype html><meta charset="utf-8"><title>Tapedeck</title>
<p>The pages are not built. Run <code>npm run build</code>. The API is at <a href="/api">/api</a>.</p>`

/** The built pages: files by name, and index.html for every path that a page of it may have. */
export async function addPageRoutes(app: App, { config }: HttpContext): Promise<void> {
  const built = existsSync(join(config.web, 'index.html'))
  if (built) {
    await app.register(fastifyStatic, {
      root: config.web,
      index: false,
      dotfiles: 'deny',
      cacheControl: false,
      setHeaders: (reply, path) => {
        // Vite puts a hash of the content into every name under assets/.
        const hashed = path.includes(`${sep}assets${sep}`)
        reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache')
      },
    })
    // A folder, which it would refuse.
    app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.sendFile('index.html'))
  }

  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split('?')[0]!
    const page =
      (request.method === 'GET' || request.method === 'HEAD') &&
      !/^\/(api|agent)(\/|$)|\.[a-z0-9]+$/.test(path)
    if (!page && !path.startsWith('/s/')) {
      const error = new HttpError(404, 'not-found', 'There is nothing here.', 'See /api for what is.')
      return reply.status(404).send(bodyOf(error))
    }
    reply.header('cache-control', 'no-cache')
    return built ? reply.sendFile('index.html') : reply.type('text/html').send(notBuilt)
  })
}
