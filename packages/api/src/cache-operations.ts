import { Type } from 'typebox'
import {
  CacheLayers,
  CachePin,
  CacheStatus,
  EvictionRequest,
  EvictionResult,
  MAX_PIN_OWNER_CHARS,
  PinRequest,
  PolicyChange,
} from './cache.ts'
import { digest } from './field.ts'
import type { Operation } from './operation.ts'
import { strict } from './page-fields.ts'

const layerParams = Type.Object({ layer: digest('Digest of a layer.') }, strict)

/** The cache of a node; served by its peer. */
export const cacheOperations = {
  showCache: {
    id: 'showCache',
    method: 'GET',
    path: '/v1/cache',
    role: 'reader',
    tag: 'cache',
    summary:
      'Shows the cache of a node: its limit, who takes the space, and how often it had what was wanted; served by its peer.',
    response: CacheStatus,
  },
  listCache: {
    id: 'listCache',
    method: 'GET',
    path: '/v1/cache/layers',
    role: 'reader',
    tag: 'cache',
    summary: 'Lists the layers in the cache of a node, what each is worth and who holds it; served by its peer.',
    response: CacheLayers,
  },
  evictLayers: {
    id: 'evictLayers',
    method: 'POST',
    path: '/v1/cache/evictions',
    role: 'operator',
    tag: 'cache',
    summary: 'Evicts a layer, or what is worth least, or says what would go and why; served by the peer.',
    body: EvictionRequest,
    response: EvictionResult,
  },
  pinLayer: {
    id: 'pinLayer',
    method: 'PUT',
    path: '/v1/cache/layers/{layer}/pin',
    role: 'operator',
    tag: 'cache',
    summary: 'Protects a layer from eviction, whether it is there yet or not; served by the peer.',
    params: layerParams,
    body: PinRequest,
    response: CachePin,
  },
  unpinLayer: {
    id: 'unpinLayer',
    method: 'DELETE',
    path: '/v1/cache/layers/{layer}/pin',
    role: 'operator',
    tag: 'cache',
    summary: "Takes an operator's pin back; served by the peer.",
    params: layerParams,
    query: Type.Object(
      {
        owner: Type.Optional(
          Type.String({ minLength: 1, maxLength: MAX_PIN_OWNER_CHARS, description: 'Whose; "operator" when absent.' }),
        ),
      },
      strict,
    ),
    status: 204,
  },
  setCachePolicy: {
    id: 'setCachePolicy',
    method: 'PUT',
    path: '/v1/cache/policy',
    role: 'operator',
    tag: 'cache',
    summary: 'Sets the replacement policy of a node; it survives a restart; served by the peer.',
    body: PolicyChange,
    response: CacheStatus,
  },
} as const satisfies Record<string, Operation>
