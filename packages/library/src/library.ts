import type { AddressInfo } from 'node:net'
import {
  boundConnections,
  type Clock,
  type ConnectionLimits,
  errorCode,
  errorMessage,
  isLoopbackHost,
  type Logger,
  plainAddress,
  systemClock,
} from '@shoal/core'
import { type FastifyInstance, fastify } from 'fastify'
import { libraryError } from './errors.ts'
import { HttpFault } from './http-fault.ts'
import { ImageCatalogue } from './image-catalogue.ts'
import { addImageRoutes } from './image-routes.ts'

/** How long an answer waits for new files to be hashed; they appear in a later listing when it takes longer. */
const REFRESH_WAIT_MS = 2_000
const CONNECTIONS: ConnectionLimits = { total: 512, perAddress: 256, unused: 128, headersTimeoutMs: 10_000 }
const REQUEST_TIMEOUT_MS = 30_000
/** Late heads are looked for this often. */
const LATE_CHECK_MS = 2000

export interface LibraryDeps {
  readonly logger: Logger
  readonly clock?: Clock
  /** Told of each connection that was turned away. */
  readonly onFlood?: (address: string | undefined) => void
}

export interface LibraryOptions {
  /** The directory of images: `<name>.qcow2`, `.raw` or `.img`, each with an optional `<name>.json` beside it. */
  readonly directory: string
  /** Address to listen on. Default `127.0.0.1`: the library knows no users, so think before opening it. */
  readonly host?: string
  /** Port to listen on; 0, the default, takes a free one. */
  readonly port?: number
  /** When given, every request must carry it as `X-Auth-Token`. */
  readonly token?: string
  /** Serve beyond the loopback without a token too: for networks that nobody else reaches, such as a laboratory's. */
  readonly isOpen?: boolean
}

/** An embedded image library. `start` and `stop` are idempotent. */
export interface Library extends AsyncDisposable {
  /** Reads the directory, listens, and gives the endpoint, such as `http://127.0.0.1:9292`. */
  start(): Promise<string>
  stop(): Promise<void>
}

/**
 * A directory of images served over the Glance v2 API, so that one machine needs no Glance and the seed has one
 * client path. Reads only: what the directory holds is what there is. Throws `SHOAL_LIBRARY_DIRECTORY`, `SHOAL_LIBRARY_OPEN`,
 * `SHOAL_LIBRARY_PORT_IN_USE` or `SHOAL_LIBRARY_ADDRESS` from `start`.
 */
export function createLibrary(deps: LibraryDeps, options: LibraryOptions): Library {
  const logger = deps.logger.child({ component: 'library' })
  const { host = '127.0.0.1', port = 0 } = options
  let running: { app: FastifyInstance; stopping: AbortController; endpoint: Promise<string> } | undefined

  async function open(app: FastifyInstance, catalogue: ImageCatalogue, signal: AbortSignal): Promise<string> {
    if (!isLoopbackHost(host) && !options.token && options.isOpen !== true)
      throw libraryError('SHOAL_LIBRARY_OPEN', { host })
    await catalogue.refresh({ signal })
    try {
      await app.listen({ host, port })
    } catch (error) {
      const isInUse = errorCode(error) === 'EADDRINUSE'
      const code = isInUse ? 'SHOAL_LIBRARY_PORT_IN_USE' : 'SHOAL_LIBRARY_ADDRESS'
      throw libraryError(code, { host, port, reason: errorMessage(error) }, error)
    }
    const address = app.server.address() as AddressInfo
    const endpoint = `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
    logger.info(
      { endpoint, directory: options.directory, images: catalogue.images().length },
      'the image library serves',
    )
    return endpoint
  }

  async function stop(): Promise<void> {
    const current = running
    running = undefined
    current?.stopping.abort()
    await current?.app.close()
  }

  return {
    start() {
      if (running === undefined) {
        const stopping = new AbortController()
        const catalogue = new ImageCatalogue({ logger, clock: deps.clock ?? systemClock }, options.directory)
        const app = createApp({ ...deps, logger, catalogue }, options.token, stopping.signal)
        const endpoint = open(app, catalogue, stopping.signal).catch(async (error) => {
          await stop()
          throw error
        })
        running = { app, stopping, endpoint }
      }
      return running.endpoint
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function createApp(
  { logger, catalogue, onFlood = () => {} }: LibraryDeps & { catalogue: ImageCatalogue },
  token: string | undefined,
  signal: AbortSignal,
) {
  // A download to a slow client may take hours, so only the time for a request's own bytes is bounded.
  const app = fastify({
    ...{ exposeHeadRoutes: false, forceCloseConnections: true, requestTimeout: REQUEST_TIMEOUT_MS },
    http: { connectionsCheckingInterval: LATE_CHECK_MS },
  })
  boundConnections(app.server, onFlood, CONNECTIONS)
  app.setErrorHandler((error, request, reply) => {
    const fault = error instanceof HttpFault ? error : internalFault(error)
    if (fault.status >= 500) logger.error({ url: request.url, reason: errorMessage(error) }, 'a request failed')
    return reply.code(fault.status).type('text/html; charset=UTF-8').send(fault.page())
  })
  app.setNotFoundHandler(() => {
    throw new HttpFault(404, 'The resource could not be found.')
  })
  app.addHook('onResponse', async (request, reply) => {
    if (request.url === '/healthcheck') return
    const { method, url } = request
    const { statusCode: status } = reply
    if (status === 401)
      logger.warn({ method, url: url.slice(0, 500), address: plainAddress(request.ip) }, 'caller refused')
    logger.debug({ method, url, status, elapsedMs: Math.round(reply.elapsedTime) }, 'request')
  })
  const refresh = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, REFRESH_WAIT_MS)
      catalogue
        .refresh({ signal })
        .catch((error) => {
          if (!signal.aborted) logger.error({ reason: errorMessage(error) }, 'the image directory cannot be read')
        })
        .finally(() => {
          clearTimeout(timer)
          resolve()
        })
    })
  addImageRoutes(app, { catalogue, refresh, token })
  return app
}

function internalFault(error: unknown): HttpFault {
  const status = (error as { statusCode?: unknown }).statusCode
  if (typeof status === 'number' && status >= 400 && status < 500) return new HttpFault(status, errorMessage(error))
  return new HttpFault(500, 'The server has either erred or is incapable of performing the requested operation.')
}
