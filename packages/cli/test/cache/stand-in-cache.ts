import {
  type CacheLayer,
  type CacheStatus,
  type EvictionRequest,
  type EvictionResult,
  operations,
  type PinRequest,
} from '@shoal/api'
import { ShoalError } from '@shoal/core'
import { type HttpApp, registerOperation } from '@shoal/service'
import { runCli } from '../run-cli.ts'
import { PEER_TOKEN, startStandInPeer } from '../stand-in-peer.ts'
import { buildPin, buildResult, buildStatus } from './build-cache.ts'

interface StandInCache {
  status: CacheStatus
  layers: CacheLayer[]
  onEvict: (request: EvictionRequest) => EvictionResult
}

/** A peer whose cache is what a test says, and the commands about it; the seed is nowhere, as while it is down. */
export async function startCachePeer(given: Partial<StandInCache> = {}) {
  const state: StandInCache = { status: buildStatus(), layers: [], onEvict: () => buildResult(), ...given }
  const pins = new Map<string, PinRequest>()
  const peer = await startStandInPeer({ addRoutes: (app) => addRoutes(app, state, pins) })
  const access = ['--peer', peer.url, '--token', PEER_TOKEN, '--seed', 'http://127.0.0.1:9']
  return {
    state,
    pins,
    cache: (...args: string[]) => runCli(['cache', ...args, ...access]),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  }
}

function addRoutes(app: HttpApp, state: StandInCache, pins: Map<string, PinRequest>): void {
  registerOperation(app, operations.showCache, () => state.status)
  registerOperation(app, operations.listCache, () => ({ layers: state.layers }))
  registerOperation(app, operations.evictLayers, ({ body }) => state.onEvict(body))
  registerOperation(app, operations.pinLayer, ({ params: { layer }, body }) => {
    const { owner = 'operator', expiresAt = null } = body
    pins.set(`${layer} ${owner}`, body)
    return buildPin({ owner, expiresAt })
  })
  registerOperation(app, operations.unpinLayer, ({ params: { layer }, query: { owner = 'operator' } }) => {
    if (pins.delete(`${layer} ${owner}`)) return undefined
    throw new ShoalError('SHOAL_CACHE_PIN_UNKNOWN', 'It has no such pin.', { hint: 'List them.' })
  })
  registerOperation(app, operations.setCachePolicy, ({ body: { policy } }) => {
    const name = policy ?? 'worth'
    if (!state.status.policies.includes(name)) {
      throw new ShoalError('SHOAL_CACHE_POLICY_UNKNOWN', 'There is no such policy.', { hint: 'Take another.' })
    }
    state.status = { ...state.status, policy: name }
    return state.status
  })
}
