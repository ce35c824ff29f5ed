import { timingSafeEqual } from 'node:crypto'
import type {} from '@fastify/cookie'
import type { FastifyRequest } from 'fastify'
import type { CatalogDatabase } from '../catalog/open-catalog.ts'
import { findApiToken, findSignIn } from '../catalog/sign-ins.ts'
import type { User } from '../catalog/users.ts'
import type { App } from './context.ts'
import { HttpError } from './http-error.ts'

/** Who asks, and how they showed it. */
export interface Identity {
  user: User
  /** A browser's sign-in; absent for an API token. */
  signIn?: { hash: string; csrf: string }
}

declare module 'fastify' {
  interface FastifyRequest {
    identity: Identity | undefined
  }
  interface FastifyContextConfig {
    /** Anybody may ask, signed in or not. */
    open?: boolean
  }
}

/** The prefix binds the cookie to this origin over TLS: no other host or path can set it. */
export const cookieName = '__Host-tapedeck'
/** Secrets are 43 characters. */
const secretCharactersMax = 100

/** Looked up at every request, so that a change of roles acts at once. */
export async function identify(
  db: CatalogDatabase,
  shown: { authorization?: string | undefined; cookie?: string | undefined },
): Promise<Identity | undefined> {
  const { authorization, cookie } = shown
  if (authorization !== undefined) {
    const token = /^Bearer ([\w-]+)$/i.exec(authorization.slice(0, secretCharactersMax))?.[1]
    const user = token === undefined ? undefined : await findApiToken(db, token)
    return user && { user }
  }
  if (!cookie || cookie.length > secretCharactersMax) return undefined
  const found = await findSignIn(db, cookie, Date.now())
  return found && { user: found.user, signIn: { hash: found.hash, csrf: found.csrf } }
}

/** Every request is identified first; what is not `open` needs an identity, and a browser's change its CSRF token. */
export function addAccess(app: App, db: CatalogDatabase): void {
  app.decorateRequest('identity', undefined)
  app.addHook('onRequest', async (request) => {
    if (!request.url.startsWith('/api/')) return
    const { authorization } = request.headers
    request.identity = await identify(db, { authorization, cookie: request.cookies[cookieName] })
    const changes = request.method !== 'GET' && request.method !== 'HEAD'
    if (changes) ensureSameOrigin(request)
    if (request.routeOptions.config.open) return
    if (!request.identity)
      throw new HttpError(401, 'not-signed-in', 'You are not signed in, or no longer.', 'Sign in.')
    if (changes) ensureCsrf(request, request.identity)
  })
}

/** The identity of a route that is not `open`. */
export function userOf(request: FastifyRequest): User {
  if (!request.identity) throw new HttpError(401, 'not-signed-in', 'You are not signed in.', 'Sign in.')
  return request.identity.user
}

/** Also stops a foreign page from signing a browser in as somebody else. */
function ensureSameOrigin(request: FastifyRequest): void {
  if (isSameOrigin(request.headers.origin, request.headers.host)) return
  throw new HttpError(403, 'origin', 'This request comes from another site.', 'Open the pages themselves.')
}

/** Scripts send no Origin; browsers always do when it matters. */
export function isSameOrigin(origin: string | undefined, host: string | undefined): boolean {
  return origin === undefined || (host !== undefined && URL.parse(origin)?.host === host)
}

function ensureCsrf(request: FastifyRequest, identity: Identity): void {
  if (!identity.signIn) return
  const shown = Buffer.from(String(request.headers['x-csrf-token'] ?? ''))
  const wanted = Buffer.from(identity.signIn.csrf)
  if (shown.length === wanted.length && timingSafeEqual(shown, wanted)) return
  throw new HttpError(
    403,
    'csrf',
    'The header x-csrf-token is missing or old.',
    'Take the token from GET /api/session.',
  )
}
