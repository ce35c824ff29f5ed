import { readFile } from 'node:fs/promises'
import type { Server } from 'node:https'
import fastifyCookie from '@fastify/cookie'
import fastifyHelmet from '@fastify/helmet'
import fastifySwagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { LogController } from 'fastify'
import { addAccess } from './access.ts'
import { addApiPage } from './api-page.ts'
import { openBalancerList, trustedHop } from './balancer-list.ts'
import type { App, HttpContext } from './context.ts'
import { addEntrances, type Entrances } from './entrances.ts'
import { addErrors } from './errors.ts'
import { addAgentRoutes } from './routes/agent-routes.ts'
import { addContentRoutes } from './routes/content-routes.ts'
import { addEnrolRoutes } from './routes/enrol-routes.ts'
import { addExportRoute } from './routes/export-route.ts'
import { addImportRoute } from './routes/import-route.ts'
import { addIndexRoutes } from './routes/index-routes.ts'
import { addLinkRoutes } from './routes/link-routes.ts'
import { addPageRoutes } from './routes/page-routes.ts'
import { addPolicyRoutes } from './routes/policy-routes.ts'
import { addRecordingRoutes } from './routes/recording-routes.ts'
import { addSessionRoutes } from './routes/session-routes.ts'
import { addStatusRoutes } from './routes/status-routes.ts'
import { addUserRoutes } from './routes/user-routes.ts'
import { addVerifyRoute } from './routes/verify-route.ts'
import { addUpgrades, type Upgrades } from './upgrades.ts'

/** No JSON we take is larger; imports have their own limit. */
const bodyBytesMax = 64 * 1024
/** Headers that take longer come from someone who wants to hold the connection. */
const headersMs = 10_000
/** A whole request, an import over a slow line included. */
const requestMs = 3_600_000
/** A share link's token is some 300 characters. */
const parameterCharactersMax = 4096

/** The server with every route, not listening yet. */
export async function buildServer(
  context: HttpContext,
): Promise<{ app: App; upgrades: Upgrades; entrances: Entrances }> {
  const { config } = context
  const isBalancer = openBalancerList(config.balancers)
  const [key, cert] = await Promise.all([readFile(config.tlsKey), readFile(config.tlsCert)])
  const app: App = fastify<Server>({
    https: { key, cert, minVersion: 'TLSv1.2' },
    loggerInstance: context.log,
    // Addresses carry share tokens and names: what is logged is chosen line by line.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyBytesMax,
    requestTimeout: requestMs,
    // What was let in is answered, also while the node closes.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    trustProxy: trustedHop(isBalancer),
    routerOptions: { maxParamLength: parameterCharactersMax },
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.server.headersTimeout = headersMs

  await app.register(fastifyCookie)
  await app.register(fastifyHelmet, securityHeaders(config.publicUrl))
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Tapedeck API', version: context.version },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer' },
          cookie: { type: 'apiKey', in: 'cookie', name: '__Host-tapedeck' },
        },
      },
      security: [{ token: [] }, { cookie: [] }],
    },
  })
  addErrors(app)
  const entrances = addEntrances(app, context, isBalancer)
  addAccess(app, context.db)
  await app.register(async (routes) => {
    const scope = routes as unknown as App
    addSessionRoutes(scope, context)
    addUserRoutes(scope, context)
    addRecordingRoutes(scope, context)
    addContentRoutes(scope, context)
    addIndexRoutes(scope, context)
    addVerifyRoute(scope, context)
    addExportRoute(scope, context)
    addLinkRoutes(scope, context)
    addAgentRoutes(scope, context)
    addEnrolRoutes(scope, context)
    addPolicyRoutes(scope, context)
    addStatusRoutes(scope, context)
    addApiPage(scope)
    await addImportRoute(scope, context)
  })
  await addPageRoutes(app, context)
  return { app, upgrades: addUpgrades(app, context, entrances, isBalancer), entrances }
}

function securityHeaders(publicUrl: string | undefined) {
  // Pinning https for `localhost` would pin it for every other program of that machine.
  const host = publicUrl === undefined ? 'localhost' : new URL(publicUrl).hostname
  const named = host !== 'localhost' && /[a-z]/i.test(host) && !host.startsWith('[')
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
        connectSrc: ["'self'", 'data:'],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        objectSrc: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' as const },
    frameguard: { action: 'deny' as const },
    hsts: named ? { maxAge: 180 * 86_400, includeSubDomains: false } : false,
  }
}
