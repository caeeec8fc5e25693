import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import { errorCode, errorMessage, type Logger, systemClock } from '@shoal/core'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  fastify,
  type RawServerDefault,
} from 'fastify'
import { serviceError } from './errors.ts'
import { EventStreams } from './event-stream.ts'
import type { Health } from './health.ts'
import { type AccessTokens, type CallerRole, createAuthorizer, type Role } from './http-auth.ts'
import { errorBody, type StatusByCode, toHttpError } from './http-error.ts'
import { PROBE_PATHS, registerProbes } from './http-probes.ts'
import { DOCS_PREFIX, registerReference } from './http-reference.ts'
import { type HttpSessions, SESSION_HEADER } from './http-session.ts'
import type { Metrics } from './metrics.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route; `operator` when absent. */
    role?: Role
    /** Name of the route in metrics and logs. */
    operation?: string
  }
  interface FastifyRequest {
    /** Role of the caller. */
    role: CallerRole
    /** Who calls, as journals tell it: `token:NAME`, or `anonymous`. */
    actor: string
  }
}

export type HttpApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

export interface HttpServiceOptions {
  /** Of the service, for example `shoal-seed`. */
  name: string
  version: string
  host: string
  /** 0 takes any free port. */
  port: number
  tokens: AccessTokens
  /** Of browsers; without it only tokens are taken. */
  sessions?: HttpSessions
  openapi: { title: string; description: string }
  /** The largest body that is taken; 1 MiB when absent. */
  bodyLimitBytes?: number
  /** HTTP status of the codes of the service's own errors; 500 for those not listed. */
  statusByCode?: StatusByCode
  /** The most event streams open at once; 4,096 when absent. */
  maxEventStreams?: number
  /** How long requests that run may go on when the service stops; 5 s when absent. */
  drainMs?: number
}

/** A service's HTTP server: routes are added to `app` before `start`. */
export interface HttpService extends AsyncDisposable {
  readonly app: HttpApp
  /** Listens; resolves to the base URL. Throws `SHOAL_HTTP_PORT_IN_USE` or `SHOAL_HTTP_ADDRESS`. */
  start(): Promise<string>
  /** Ends event streams, lets requests finish, closes. */
  stop(): Promise<void>
}

const DEFAULT_BODY_LIMIT_BYTES = 1024 ** 2
const DEFAULT_MAX_EVENT_STREAMS = 4096
const DEFAULT_DRAIN_MS = 5000
/** A request, head and body, must have arrived within this time: slow senders hold nothing for long. */
const REQUEST_TIMEOUT_MS = 30_000
/** A node's name may have 253 characters; percent-encoding is undone before the limit counts. */
const MAX_PARAM_LENGTH = 300
const REQUEST_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30]

/**
 * Creates the fastify shell of a service: validation, bearer tokens by role, coded errors, one log line a request, metrics, probes, the
 * OpenAPI description and its reference.
 */
export async function createHttpService(
  deps: { logger: Logger; metrics: Metrics; health: Health },
  options: HttpServiceOptions,
): Promise<HttpService> {
  const bodyLimit = options.bodyLimitBytes ?? DEFAULT_BODY_LIMIT_BYTES
  const app: HttpApp = fastify({
    bodyLimit,
    logger: false,
    exposeHeadRoutes: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    frameworkErrors: (error, request, reply) => answerError(error, request, reply as unknown as FastifyReply),
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  // Answers are typed by their schema at compile time; schema-driven serialisers drop and convert values silently.
  app.setSerializerCompiler(() => JSON.stringify)
  app.removeContentTypeParser('text/plain')
  const closeUnused = trackUnused(app)
  const streams = new EventStreams({ limit: options.maxEventStreams ?? DEFAULT_MAX_EVENT_STREAMS })
  app.decorate('eventStreams', streams)
  app.decorateRequest('role', 'public')
  app.decorateRequest('actor', 'anonymous')

  const answerError = (thrown: unknown, request: { id: string }, reply: FastifyReply) => {
    const { statusByCode = {} } = options
    const { status, error } = toHttpError(thrown, { requestId: request.id, limitBytes: bodyLimit, statusByCode })
    if (status >= 500) deps.logger.error({ requestId: request.id, code: error.code, error: thrown }, 'request failed')
    if (status === 401) reply.header('www-authenticate', 'Bearer')
    reply.status(status).type('application/json; charset=utf-8').serializer(JSON.stringify).send(errorBody(error))
  }
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply as unknown as FastifyReply))
  app.setNotFoundHandler((request) => {
    throw serviceError('SHOAL_HTTP_NOT_FOUND', { method: request.method, path: pathOf(request.url) })
  })
  addHooks(app, deps, options, streams)
  const { name, version } = options
  await registerReference(app as unknown as FastifyInstance, { ...options.openapi, version })
  registerProbes(app as unknown as FastifyInstance, deps, { name, version })

  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= stopHttp(app, { health: deps.health, streams, closeUnused }, options.drainMs ?? DEFAULT_DRAIN_MS)
    return stopping
  }
  return { app, start: () => listen(app, options), stop, [Symbol.asyncDispose]: stop }
}

function addHooks(
  app: HttpApp,
  deps: { logger: Logger; metrics: Metrics },
  options: HttpServiceOptions,
  streams: EventStreams,
): void {
  const authorize = createAuthorizer(options.tokens)
  const { sessions } = options
  const requests = deps.metrics.counter({
    name: 'shoal_http_requests_total',
    help: 'Requests answered, by operation and status class.',
    labels: ['operation', 'status'],
  })
  const seconds = deps.metrics.histogram({
    name: 'shoal_http_request_seconds',
    help: 'Time to answer a request, event streams excluded.',
    labels: ['operation'],
    buckets: REQUEST_SECONDS,
  })
  deps.metrics.gauge({
    name: 'shoal_http_event_streams',
    help: 'Event streams open.',
    collect: (gauge) => gauge.set(streams.open),
  })
  app.addHook('onRoute', (route) => {
    // The routes of the reference are swagger-ui's and carry no role of ours.
    if (route.url.startsWith(DOCS_PREFIX)) route.config = { ...route.config, role: 'public', operation: 'docs' }
  })
  app.addHook('onRequest', async (request) => {
    // Deny by default: a route that names no role is for operators.
    const needed = request.is404 ? 'public' : (request.routeOptions.config.role ?? 'operator')
    const { authorization, cookie } = request.headers
    const session = sessions?.find(cookie)?.role
    const isOwnPage = request.headers[SESSION_HEADER] !== undefined
    const caller = authorize({ authorization, method: request.method, session, isOwnPage }, needed)
    request.role = caller.role
    request.actor = caller.actor
  })
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
    if (request.url.startsWith('/v1/')) reply.header('cache-control', 'no-store')
  })
  app.addHook('onResponse', async (request, reply) => {
    const path = pathOf(request.url)
    const operation = request.routeOptions.config?.operation ?? 'none'
    const status = reply.raw.statusCode
    requests.inc({ operation, status: `${Math.floor(status / 100)}xx` })
    const isStream = String(reply.raw.getHeader('content-type') ?? '').startsWith('text/event-stream')
    if (!isStream) seconds.observe({ operation }, reply.elapsedTime / 1000)
    if (PROBE_PATHS.has(path)) return
    const durationMs = Math.round(reply.elapsedTime * 10) / 10
    deps.logger.info({ requestId: request.id, method: request.method, path, status, durationMs }, 'request')
  })
}

async function listen(app: HttpApp, { host, port }: HttpServiceOptions): Promise<string> {
  try {
    return await app.listen({ host, port })
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EADDRINUSE') throw serviceError('SHOAL_HTTP_PORT_IN_USE', { host, port }, error)
    if (code !== undefined && !code.startsWith('FST_')) {
      throw serviceError('SHOAL_HTTP_ADDRESS', { host, port, reason: errorMessage(error) }, error)
    }
    throw error
  }
}

async function stopHttp(
  app: HttpApp,
  parts: { health: Health; streams: EventStreams; closeUnused: () => void },
  drainMs: number,
): Promise<void> {
  parts.health.drain()
  parts.streams.closeAll()
  const abandoned = new AbortController()
  const cut = systemClock.sleep(drainMs, { signal: abandoned.signal }).then(
    () => app.server.closeAllConnections(),
    () => {},
  )
  const closed = app.close()
  parts.closeUnused()
  await closed
  abandoned.abort()
  await cut
}

/**
 * Gives the function that closes the connections on which no request has come yet. Browsers and undici open such in advance, node
 * does not count them as idle, and stopping would wait for them.
 */
function trackUnused(app: HttpApp): () => void {
  const unused = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  app.server.on('request', (request) => unused.delete(request.socket))
  return () => {
    for (const socket of unused) socket.destroy()
  }
}

function pathOf(url: string): string {
  return (url.split('?', 1)[0] ?? url).slice(0, 500)
}
