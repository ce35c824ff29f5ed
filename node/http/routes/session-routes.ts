import { Type } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { addTicket, endSignIn, signInMaxMs, startSignIn, useTicket } from '../../catalog/sign-ins.ts'
import { changeUser, findUser, type User } from '../../catalog/users.ts'
import { mayAdminister } from '../../policy/decisions.ts'
import { cookieName, userOf } from '../access.ts'
import { openSharedAttempts, perAddress, perUser } from '../attempt-limit.ts'
import type { App, HttpContext } from '../context.ts'
import { Gate } from '../gate.ts'
import { ensure, HttpError, notFound } from '../http-error.ts'
import {
  checkPassword,
  hashesMax,
  hashesWaitingMax,
  hashPassword,
  passwordCharactersMax,
  passwordCharactersMin,
} from '../passwords.ts'
import { publicUrlOf } from '../public-url.ts'

const Session = Type.Object({
  user: Type.String(),
  roles: Type.Array(Type.String()),
  csrf: Type.Optional(Type.String({ description: 'Send it as x-csrf-token with every change.' })),
})
const password = Type.String({ minLength: 1, maxLength: passwordCharactersMax })
const Credentials = Type.Union([
  Type.Object(
    { user: Type.String({ minLength: 1, maxLength: 256 }), password },
    { additionalProperties: false },
  ),
  Type.Object({ ticket: Type.String({ minLength: 1, maxLength: 100 }) }, { additionalProperties: false }),
])

export function addSessionRoutes(app: App, context: HttpContext): void {
  const { db, bus } = context
  const users = openSharedAttempts(bus, 'users', perUser)
  const addresses = openSharedAttempts(bus, 'addresses', perAddress)
  const gate = new Gate(hashesMax, hashesWaitingMax)

  const withPassword = async (request: FastifyRequest, name: string, shown: string): Promise<User> => {
    const waitMs = Math.max(users.waitMs(name), addresses.waitMs(request.ip))
    if (waitMs > 0) throw tooMany(waitMs)
    const user = await findUser(db, name)
    const checked = await gate.run(() => checkPassword(shown, user?.password ?? null))
    if (!checked) throw tooMany(1000)
    if (user && checked.value) {
      users.succeeded(name)
      addresses.succeeded(request.ip)
      return user
    }
    users.failed(name)
    addresses.failed(request.ip)
    request.log.warn({ code: 'sign-in-refused', user: name, address: request.ip }, 'A sign-in was refused.')
    throw new HttpError(401, 'sign-in', 'User or password is wrong.', 'Try again, or ask an administrator.')
  }

  const withTicket = async (request: FastifyRequest, ticket: string): Promise<User> => {
    const waitMs = addresses.waitMs(request.ip)
    if (waitMs > 0) throw tooMany(waitMs)
    const user = await useTicket(db, ticket, Date.now())
    if (user) return user
    addresses.failed(request.ip)
    throw new HttpError(401, 'ticket', 'This link was used already, or is too old.', 'Ask for a new one.')
  }

  app.post(
    '/api/session',
    {
      config: { open: true },
      schema: { tags: ['session'], summary: 'Sign in', body: Credentials, response: { 200: Session } },
    },
    async (request, reply) => {
      const { body } = request
      const user =
        'ticket' in body
          ? await withTicket(request, body.ticket)
          : await withPassword(request, body.user, body.password)
      const { secret, csrf } = await startSignIn(db, user.name, Date.now())
      setCookie(reply, secret)
      request.log.info({ code: 'signed-in', user: user.name, address: request.ip }, 'A user signed in.')
      return { user: user.name, roles: user.roles, csrf }
    },
  )

  app.get(
    '/api/session',
    { schema: { tags: ['session'], summary: 'Who am I', response: { 200: Session } } },
    async (request) => {
      const { name, roles } = userOf(request)
      const csrf = request.identity?.signIn?.csrf
      return { user: name, roles, ...(csrf !== undefined && { csrf }) }
    },
  )

  app.delete(
    '/api/session',
    { schema: { tags: ['session'], summary: 'Sign out' } },
    async (request, reply) => {
      const signIn = request.identity?.signIn
      if (signIn) await endSignIn(db, signIn.hash)
      reply.clearCookie(cookieName, { path: '/', secure: true })
      return reply.status(204).send()
    },
  )

  app.post(
    '/api/session/tickets',
    {
      schema: {
        tags: ['session'],
        summary: 'Make a one-time sign-in link, good for 15 minutes',
        body: Type.Optional(
          Type.Union([Type.Null(), Type.Object({ user: Type.Optional(Type.String({ maxLength: 256 })) })]),
        ),
        response: { 200: Type.Object({ url: Type.String() }) },
      },
    },
    async (request) => {
      const self = userOf(request)
      const name = request.body?.user ?? self.name
      // A browser's sign-in must not breed further ones unless an administrator wants it.
      if (name !== self.name || request.identity?.signIn) ensure(mayAdminister(self))
      if (!(await findUser(db, name))) throw notFound(`user ${name}`)
      const ticket = await addTicket(db, name, Date.now())
      return { url: `${publicUrlOf(context, request)}/sign-in#ticket=${ticket}` }
    },
  )

  app.post(
    '/api/session/password',
    {
      schema: {
        tags: ['session'],
        summary: 'Change my password; ends my other sign-ins',
        body: Type.Object({
          current: Type.Optional(password),
          next: Type.String({ minLength: passwordCharactersMin, maxLength: passwordCharactersMax }),
        }),
      },
    },
    async (request, reply) => {
      const user = userOf(request)
      if (user.password !== null) await withPassword(request, user.name, request.body.current ?? ' ')
      const hashed = await gate.run(() => hashPassword(request.body.next))
      if (!hashed) throw tooMany(1000)
      const keep = request.identity?.signIn?.hash
      await changeUser(db, user.name, { password: hashed.value, ...(keep !== undefined && { keep }) })
      return reply.status(204).send()
    },
  )
}

function setCookie(reply: FastifyReply, secret: string): void {
  reply.setCookie(cookieName, secret, {
    path: '/',
    httpOnly: true,
    secure: true,
    sameSite: 'lax',
    maxAge: signInMaxMs / 1000,
  })
}

function tooMany(waitMs: number): HttpError {
  const seconds = Math.ceil(waitMs / 1000)
  return new HttpError(
    429,
    'too-many-attempts',
    `Too many attempts: wait ${seconds} s.`,
    'Wait, then try again.',
    {
      'retry-after': String(seconds),
    },
  )
}
