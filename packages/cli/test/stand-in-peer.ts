import { type ComposeRequest, type Composition, operations, type PeerStatus } from '@shoal/api'
import { NO_TRANSFER_LIMITS, ShoalError, silentLogger } from '@shoal/core'
import { createHealth, createHttpService, createMetrics, type HttpApp, registerOperation } from '@shoal/service'
import { buildComposition, digestOf } from './builders.ts'

export const PEER_TOKEN = 'api-token-of-the-stand-in'

/**
 * A peer's API over compositions that a test looks at; `next` says what becomes of one each time it is asked for, `addRoutes` adds
 * what else it serves.
 */
export async function startStandInPeer(
  options: { next?: (composition: Composition) => Composition; addRoutes?: (app: HttpApp) => void } = {},
) {
  const { next = (composition: Composition) => composition } = options
  const compositions = new Map<string, Composition>()
  const requests: ComposeRequest[] = []
  const service = await createHttpService(
    { logger: silentLogger, metrics: createMetrics({ process: false }), health: createHealth() },
    {
      name: 'stand-in',
      version: '0',
      host: '127.0.0.1',
      port: 0,
      tokens: { operator: PEER_TOKEN },
      openapi: { title: 'stand-in', description: '' },
      statusByCode: {
        SHOAL_COMPOSE_UNKNOWN: 404,
        SHOAL_CACHE_LAYER_UNKNOWN: 404,
        SHOAL_CACHE_PIN_UNKNOWN: 404,
        SHOAL_CACHE_PINNED: 409,
        SHOAL_CACHE_POLICY_UNKNOWN: 400,
      },
    },
  )
  const find = (name: string) => {
    const found = compositions.get(name)
    if (found === undefined) throw new ShoalError('SHOAL_COMPOSE_UNKNOWN', 'There is no such.', { hint: 'List them.' })
    return found
  }
  registerOperation(service.app, operations.localStatus, () => peerStatus)
  registerOperation(service.app, operations.compose, ({ params: { name }, body }) => {
    requests.push(body)
    const composition = buildComposition({ name, layer: body.layer, format: body.format })
    compositions.set(name, composition)
    return composition
  })
  registerOperation(service.app, operations.listCompositions, () => ({ compositions: [...compositions.values()] }))
  registerOperation(service.app, operations.showComposition, ({ params: { name } }) => {
    const composition = next(find(name))
    compositions.set(name, composition)
    return composition
  })
  registerOperation(service.app, operations.removeComposition, ({ params: { name } }) => {
    compositions.delete(find(name).name)
    return undefined
  })
  options.addRoutes?.(service.app)
  const url = await service.start()
  return { url, compositions, requests, [Symbol.asyncDispose]: () => service.stop() }
}

const peerStatus: PeerStatus = {
  node: 'node-1',
  version: '0.1.0',
  startedAt: '2026-01-01T00:00:00.000Z',
  seedUrl: 'http://127.0.0.1:9',
  registered: true,
  seedReachable: false,
  reachability: 'It answers.',
  swarmAddress: '127.0.0.1:7441',
  dhtAddress: null,
  layers: ['aaaaaaaa', 'bbbbbbbb'].map((hex) => ({
    path: `/layers/${hex}/disk`,
    digest: digestOf(hex),
    state: 'complete' as const,
    presentBytes: 1,
    sizeBytes: 1,
    fromOriginBytes: 0,
    fromPeersBytes: 1,
    uploadedBytes: 0,
    peers: 0,
    error: null,
  })),
  banned: [],
  diskFreeBytes: 1,
  diskUsedBytes: 1,
  limits: { configured: NO_TRANSFER_LIMITS, fleet: null, effective: NO_TRANSFER_LIMITS },
}
