import { Type } from '@fastify/type-provider-typebox'
import {
  addUser,
  changeUser,
  listUsers,
  removeUser,
  type User,
  type UserChange,
} from '../../catalog/users.ts'
import { mayAdminister } from '../../policy/decisions.ts'
import { roles } from '../../policy/roles.ts'
import { userOf } from '../access.ts'
import type { App, HttpContext } from '../context.ts'
import { Gate } from '../gate.ts'
import { ensure, HttpError, notFound } from '../http-error.ts'
import {
  hashesMax,
  hashesWaitingMax,
  hashPassword,
  passwordCharactersMax,
  passwordCharactersMin,
} from '../passwords.ts'

const UserView = Type.Object({
  name: Type.String(),
  roles: Type.Array(Type.String()),
  hasPassword: Type.Boolean(),
  created: Type.String(),
})
const Roles = Type.Array(Type.Union(roles.map((role) => Type.Literal(role))), {
  uniqueItems: true,
  maxItems: 16,
})
const Password = Type.String({ minLength: passwordCharactersMin, maxLength: passwordCharactersMax })
const Name = Type.String({ pattern: '^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}$' })
const NameParams = Type.Object({ name: Name })

const view = (user: User) => ({
  name: user.name,
  roles: user.roles,
  hasPassword: user.password !== null,
  created: new Date(user.createdMs).toISOString(),
})

export function addUserRoutes(app: App, { db }: HttpContext): void {
  const gate = new Gate(hashesMax, hashesWaitingMax)
  const hashed = async (password: string) => {
    const done = await gate.run(() => hashPassword(password))
    if (!done) throw new HttpError(503, 'busy', 'Too many passwords are being set.', 'Try again.')
    return done.value
  }
  const done = (change: UserChange, name: string) => {
    if (change === 'unknown') throw notFound(`user ${name}`)
    if (change === 'last-administrator')
      throw new HttpError(
        409,
        'last-administrator',
        `${name} is the last administrator.`,
        'Make another one first.',
      )
  }

  app.get(
    '/api/users',
    {
      schema: {
        tags: ['users'],
        summary: 'List users',
        response: { 200: Type.Object({ users: Type.Array(UserView) }) },
      },
    },
    async (request) => {
      ensure(mayAdminister(userOf(request)))
      return { users: (await listUsers(db)).map(view) }
    },
  )

  app.post(
    '/api/users',
    {
      schema: {
        tags: ['users'],
        summary: 'Add a user',
        description: 'Without a password the user signs in by one-time links only.',
        body: Type.Object({ name: Name, password: Type.Optional(Password), roles: Roles }),
        response: { 201: UserView },
      },
    },
    async (request, reply) => {
      ensure(mayAdminister(userOf(request)))
      const { name, password, roles } = request.body
      const user: User = {
        name,
        roles,
        password: password === undefined ? null : await hashed(password),
        createdMs: Date.now(),
      }
      if (!(await addUser(db, user)))
        throw new HttpError(409, 'exists', `There is a user ${name} already.`, 'Choose another name.')
      request.log.info(
        { code: 'user-added', user: name, roles, by: userOf(request).name },
        'A user was added.',
      )
      return reply.status(201).send(view(user))
    },
  )

  app.patch(
    '/api/users/:name',
    {
      schema: {
        tags: ['users'],
        summary: 'Change roles or password',
        params: NameParams,
        body: Type.Object({ password: Type.Optional(Password), roles: Type.Optional(Roles) }),
      },
    },
    async (request, reply) => {
      ensure(mayAdminister(userOf(request)))
      const { password, roles } = request.body
      const change = {
        ...(password !== undefined && { password: await hashed(password) }),
        ...(roles && { roles }),
      }
      const { name } = request.params
      done(await changeUser(db, name, change), name)
      const by = userOf(request).name
      request.log.info(
        { code: 'user-changed', user: name, roles, password: !!password, by },
        'A user was changed.',
      )
      return reply.status(204).send()
    },
  )

  app.delete(
    '/api/users/:name',
    { schema: { tags: ['users'], summary: 'Remove a user', params: NameParams } },
    async (request, reply) => {
      ensure(mayAdminister(userOf(request)))
      const { name } = request.params
      done(await removeUser(db, name), name)
      request.log.info({ code: 'user-removed', user: name, by: userOf(request).name }, 'A user was removed.')
      return reply.status(204).send()
    },
  )
}
