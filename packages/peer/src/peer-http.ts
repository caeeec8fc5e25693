import { join } from 'node:path'
import type { Logger } from '@shoal/core'
import {
  createHttpService,
  type FloodWatch,
  type Health,
  type HttpService,
  type Metrics,
  readOrCreateSecret,
} from '@shoal/service'
import type { PeerConfig } from './config.ts'
import { type PeerRoutesDeps, peerStatusByCode, registerPeerRoutes } from './http-routes.ts'
import { readTokenFile } from './token-file.ts'
import { version } from './version.ts'

/** Requests that run get this long when the daemon stops, which takes 5 s at most in all. */
const DRAIN_MS = 1000

/** The file with the token of a peer's own API. */
export function apiTokenFile(config: PeerConfig): string {
  return config.api.tokenFile ?? join(config.stateDirectory, 'api-token')
}

/** Creates a peer's own API, not yet listening. It is ready when the seed has ever enrolled this node. */
export async function createPeerHttp(
  config: PeerConfig,
  deps: PeerRoutesDeps & {
    logger: Logger
    metrics: Metrics
    health: Health
    floods: FloodWatch
    isEnrolled: () => boolean
  },
): Promise<HttpService> {
  const { metrics, health, floods } = deps
  health.register('enrollment', () => {
    if (!deps.isEnrolled()) throw new Error('the seed has not enrolled this node yet')
  })
  const logger = deps.logger.child({ component: 'http' })
  const { host, port, metricsTokenFile } = config.api
  const operator = await readOrCreateSecret(apiTokenFile(config))
  // Of what a peer serves, nothing but its metrics is open to this role.
  const node = metricsTokenFile === null ? undefined : await readTokenFile(metricsTokenFile)
  const http = await createHttpService(
    { logger, metrics, health, floods },
    {
      name: 'shoal-peer',
      version,
      host,
      port,
      tokens: { operator, node },
      openapi: {
        title: 'Shoal peer',
        description:
          "A compute node's own API: what it holds, checking it, composing disks from it, serving disks to VMs before they are whole.",
      },
      statusByCode: peerStatusByCode,
      drainMs: DRAIN_MS,
    },
  )
  registerPeerRoutes(http.app, deps)
  return http
}
