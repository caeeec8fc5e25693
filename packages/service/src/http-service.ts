import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import {
  boundConnections,
  errorCode,
  errorMessage,
  isLoopbackHost,
  type Logger,
  plainAddress,
  systemClock,
} from '@shoal/core'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type RawServerDefault,
} from 'fastify'
import { ClientRates } from './client-rates.ts'
import type { CloudSessions } from './cloud-sessions.ts'
import { CONNECTION_LIMITS, LATE_CHECK_MS, MAX_HEADER_BYTES } from './connection-limits.ts'
import { type AccessTokens, type Credentials, fileCredentials } from './credentials.ts'
import { serviceError } from './errors.ts'
import { EventStreams } from './event-stream.ts'
import { FailedSignIns } from './failed-sign-ins.ts'
import { FloodWatch } from './flood-watch.ts'
import type { Health } from './health.ts'
import { type AuditFact, auditFact } from './http-audit.ts'
import {
  ANONYMOUS,
  type CloudCallers,
  checkRole,
  checkSubject,
  createIdentifier,
  createRecheck,
  type RequestFacts,
  type Role,
} from './http-auth.ts'
import { errorBody, type StatusByCode, toHttpError } from './http-error.ts'
import { type CertificateHolder, NodeListener, type NodeListenerOptions } from './http-node-listener.ts'
import { PROBE_PATHS, registerProbes } from './http-probes.ts'
import { DOCS_PREFIX, registerReference } from './http-reference.ts'
import { type HttpSessions, SESSION_HEADER } from './http-session.ts'
import type { Metrics } from './metrics.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route; `admin` when absent. */
    role?: Role
    /** Name of the route in metrics and logs. */
    operation?: string
  }
  interface FastifyRequest {
    /** Role of the caller. */
    role: Role
    /** Who calls, as journals tell it: `token:NAME`, `user:NAME`, `node:NAME`, or `anonymous`. */
    actor: string
    /** The token of a user of the cloud, by which the caller was identified. */
    cloudToken: string | undefined
    /** The node that the caller is by its certificate, if it is one. */
    node: string | undefined
    /** Code of the error that is answered, if one is. */
    errorCode: string | null
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
  /** The tokens of files; `false` turns authentication off: everybody is an admin. */
  tokens: AccessTokens | false
  /** A second listener, with TLS, on which nodes show who they are; without it there is none. */
  nodes?: NodeListenerOptions | undefined
  /** All tokens, where there are more than those of files. */
  credentials?: Credentials
  /** Of browsers; without it only tokens are taken. */
  sessions?: HttpSessions
  /** Of browsers whose users the identity service vouches for. */
  cloudSessions?: CloudSessions | undefined
  /** Takes tokens of an identity service in `X-Auth-Token`; without it they open nothing. */
  cloud?: CloudCallers | undefined
  /** The most that one client may ask; `null` or absent: there is no such limit. */
  requestsPerSecond?: number | null
  /** Told of each change that people and pipelines make or want, and of each refusal. */
  audit?: (fact: AuditFact) => void
  openapi: { title: string; description: string }
  /** The largest body that is taken; 1 MiB when absent. */
  bodyLimitBytes?: number
  /** HTTP status of the codes of the service's own errors; 500 for those not listed. */
  statusByCode?: StatusByCode
  /** The most event streams open at once; 4,096 when absent. */
  maxEventStreams?: number
  /** How often it is looked whether those who listen to event streams still may. Milliseconds; 2 s when absent. */
  streamCheckMs?: number
  /** How long requests that run may go on when the service stops; 5 s when absent. */
  drainMs?: number
}

/** A service's HTTP server: routes are added to `app` before `start`. */
export interface HttpService extends AsyncDisposable {
  readonly app: HttpApp
  /** Listens; resolves to the base URL. Throws `SHOAL_HTTP_PORT_IN_USE`, `SHOAL_HTTP_ADDRESS` or `SHOAL_HTTP_OPEN`. */
  start(): Promise<string>
  /** The same for the listener of nodes, if there is one. */
  startNodes(): Promise<string | undefined>
  /** Takes the certificates that hold now, and ends connections of those that are refused by now. */
  renewNodes(): void
  /** Ends event streams, lets requests finish, closes. */
  stop(): Promise<void>
}

const DEFAULT_BODY_LIMIT_BYTES = 1024 ** 2
const DEFAULT_MAX_EVENT_STREAMS = 4096
const DEFAULT_DRAIN_MS = 5000
/** What a client may ask at once after a rest, in seconds of its rate. */
const BURST_SECONDS = 2
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
  deps: { logger: Logger; metrics: Metrics; health: Health; floods?: FloodWatch },
  options: HttpServiceOptions,
): Promise<HttpService> {
  const floods = deps.floods ?? new FloodWatch(deps)
  const bodyLimit = options.bodyLimitBytes ?? DEFAULT_BODY_LIMIT_BYTES
  const app: HttpApp = fastify({
    bodyLimit,
    logger: false,
    exposeHeadRoutes: false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { maxHeaderSize: MAX_HEADER_BYTES, connectionsCheckingInterval: LATE_CHECK_MS },
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    frameworkErrors: (error, request, reply) => answerError(error, request, reply as unknown as FastifyReply),
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  // Answers are typed by their schema at compile time; schema-driven serialisers drop and convert values silently.
  app.setSerializerCompiler(() => JSON.stringify)
  app.removeContentTypeParser('text/plain')
  const onConnectionRefused = (address: string | undefined) => floods.refused('http-connection', address)
  boundConnections(app.server, onConnectionRefused, CONNECTION_LIMITS)
  const closeUnused = trackUnused(app)
  const streams = new EventStreams({
    limit: options.maxEventStreams ?? DEFAULT_MAX_EVENT_STREAMS,
    checkMs: options.streamCheckMs,
    onRefused: (address) => floods.refused('event-stream', address),
  })
  app.decorate('eventStreams', streams)
  app.decorateRequest('role', 'public')
  app.decorateRequest('actor', ANONYMOUS)
  app.decorateRequest('cloudToken', undefined)
  app.decorateRequest('node', undefined)
  app.decorateRequest('errorCode', null)
  const failures = new FailedSignIns(systemClock)
  app.decorate('failedSignIns', failures)

  const answerError = (thrown: unknown, request: { id: string; errorCode?: string | null }, reply: FastifyReply) => {
    const { statusByCode = {} } = options
    const { status, error } = toHttpError(thrown, { requestId: request.id, limitBytes: bodyLimit, statusByCode })
    if (status >= 500) deps.logger.error({ requestId: request.id, code: error.code, error: thrown }, 'request failed')
    request.errorCode = error.code
    const { retryAfterSeconds } = error.details
    if (typeof retryAfterSeconds === 'number') reply.header('retry-after', String(retryAfterSeconds))
    if (status === 401) reply.header('www-authenticate', 'Bearer')
    reply.status(status).type('application/json; charset=utf-8').serializer(JSON.stringify).send(errorBody(error))
  }
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply as unknown as FastifyReply))
  app.setNotFoundHandler((request) => {
    throw serviceError('SHOAL_HTTP_NOT_FOUND', { method: request.method, path: pathOf(request.url) })
  })
  const nodes =
    options.nodes &&
    new NodeListener(app, options.nodes, {
      requestMs: REQUEST_TIMEOUT_MS,
      onConnectionRefused,
    })
  addHooks(app, deps, options, { streams, failures, nodes, floods })
  const { name, version } = options
  await registerReference(app as unknown as FastifyInstance, { ...options.openapi, version })
  registerProbes(app as unknown as FastifyInstance, deps, { name, version })

  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= stopHttp(
      app,
      { health: deps.health, streams, closeUnused, nodes },
      options.drainMs ?? DEFAULT_DRAIN_MS,
    )
    return stopping
  }
  return {
    app,
    start: () => listen(app, options),
    startNodes: async () => nodes?.start(),
    renewNodes: () => nodes?.renew(),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function addHooks(
  app: HttpApp,
  deps: { logger: Logger; metrics: Metrics },
  options: HttpServiceOptions,
  {
    streams,
    failures,
    nodes,
    floods,
  }: { streams: EventStreams; failures: FailedSignIns; nodes: NodeListener | undefined; floods: FloodWatch },
): void {
  const { tokens, sessions, cloudSessions, cloud, audit } = options
  const credentials = options.credentials ?? fileCredentials(tokens === false ? {} : tokens)
  const identify = tokens !== false && createIdentifier({ credentials, sessions, cloudSessions, cloud, failures })
  const recheck = createRecheck({ credentials, sessions, cloudSessions, cloud })
  app.decorate('mayStill', async (request: FastifyRequest) => {
    const needed = request.routeOptions.config.role ?? 'admin'
    if (identify === false || needed === 'public' || request.node !== undefined) return true
    return recheck(factsOf(request), request, needed)
  })
  const perSecond = options.requestsPerSecond ?? null
  const rates =
    perSecond === null ? undefined : new ClientRates(systemClock, { perSecond, burst: perSecond * BURST_SECONDS })
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
    // Deny by default: a route that names no role is for admins.
    const needed = request.is404 ? 'public' : (request.routeOptions.config.role ?? 'admin')
    let holder: CertificateHolder | undefined
    try {
      const facts = factsOf(request)
      // A token says more than a certificate: whoever sends one acts by it. Who joins anew may show a certificate that is over.
      const isNode = needed !== 'public' && facts.authorization === undefined && facts.cloudToken === undefined
      holder = isNode ? nodes?.holderOf(request.raw.socket) : undefined
      request.node = holder?.name
      if (identify === false) request.role = 'admin'
      else if (needed !== 'public') Object.assign(request, await identify({ ...facts, holder }))
      const retryAfterSeconds = rates?.take(clientOf(request)) ?? 0
      if (retryAfterSeconds > 0) floods.refused('http-request', plainAddress(request.ip))
      if (retryAfterSeconds > 0) throw serviceError('SHOAL_HTTP_RATE', { retryAfterSeconds })
      if (needed !== 'public') checkRole(request, needed)
      checkSubject(holder, ((request.params ?? {}) as { node?: unknown }).node)
    } catch (error) {
      const { operation = 'none' } = request.routeOptions.config ?? {}
      const code = errorCode(error) ?? 'none'
      nodes?.refused(request.raw.socket, { code, node: holder?.name, operation, address: request.ip })
      throw error
    }
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
    // Of a body that is too long the rest is not read; one that is late is given up.
    if (status === 413 || status === 408) floods.refused('http-request', plainAddress(request.ip))
    const fact = audit && auditFact(request, reply, systemClock.now())
    if (fact !== undefined) audit?.(fact)
    if (PROBE_PATHS.has(path)) return
    const durationMs = Math.round(reply.elapsedTime * 10) / 10
    const { errorCode: code, actor } = request
    const refusal = code === null ? {} : { code, actor, address: plainAddress(request.ip) }
    const facts = { requestId: request.id, method: request.method, path, status, durationMs, ...refusal }
    deps.logger.info(facts, 'request')
  })
}

function factsOf({ headers, method, ip }: FastifyRequest): RequestFacts {
  const { authorization, cookie, 'x-auth-token': given } = headers
  const cloudToken = Array.isArray(given) ? given[0] : given
  return { authorization, cookie, cloudToken, method, isOwnPage: headers[SESSION_HEADER] !== undefined, address: ip }
}

/** Whose requests are counted together: those of an actor; of nobody in particular, those of an address. */
function clientOf({ actor, role, ip, params }: FastifyRequest): string {
  if (role === 'public') return ip
  // Nodes may share a token, and an address where there are several on one machine.
  const { node } = (params ?? {}) as { node?: unknown }
  return role === 'node' ? `${actor} ${ip} ${String(node)}` : actor
}

async function listen(app: HttpApp, { host, port, tokens }: HttpServiceOptions): Promise<string> {
  if (tokens === false && !isLoopbackHost(host)) throw serviceError('SHOAL_HTTP_OPEN', { host })
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
  parts: { health: Health; streams: EventStreams; closeUnused: () => void; nodes: NodeListener | undefined },
  drainMs: number,
): Promise<void> {
  parts.health.drain()
  parts.streams.closeAll()
  const abandoned = new AbortController()
  const cut = systemClock.sleep(drainMs, { signal: abandoned.signal }).then(
    () => {
      app.server.closeAllConnections()
      parts.nodes?.cut()
    },
    () => {},
  )
  const closed = Promise.all([app.close(), parts.nodes?.close()])
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
