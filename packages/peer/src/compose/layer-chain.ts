import type { Digest } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import { peerError } from '../errors.ts'
import { composeError } from './errors.ts'

/**
 * The layers of a node that make up a disk, the topmost first: all of them complete, none withdrawn. Throws
 * `SHOAL_PEER_LAYER_UNKNOWN` or `SHOAL_COMPOSE_*`.
 */
export function layerChain(
  digest: Digest,
  deps: { readonly store: Pick<LayerStore, 'get'>; readonly isWithdrawn: (digest: Digest) => boolean },
): readonly [StoredLayer, ...StoredLayer[]] {
  const top = deps.store.get(digest)
  if (top === undefined) throw peerError('SHOAL_PEER_LAYER_UNKNOWN', { layer: digest })
  const { parent } = top.manifest
  const base = parent === null ? undefined : deps.store.get(parent)
  if (parent !== null && base === undefined) {
    throw composeError('SHOAL_COMPOSE_BASE_MISSING', { layer: digest, base: parent })
  }
  if (base !== undefined && base.manifest.parent !== null) {
    // A chain has two layers at most: with more of them below, the disk would be another one.
    throw composeError('SHOAL_COMPOSE_LAYER_INVALID', { path: base.path, reason: 'a base has no parent' })
  }
  const chain = [top, ...(base === undefined ? [] : [base])] as const
  for (const { manifest, isComplete, presentBytes } of chain) {
    const { digest: layer, sizeBytes } = manifest
    if (deps.isWithdrawn(layer)) throw composeError('SHOAL_COMPOSE_LAYER_WITHDRAWN', { layer })
    if (!isComplete) throw composeError('SHOAL_COMPOSE_LAYER_INCOMPLETE', { layer, presentBytes, sizeBytes })
  }
  return chain
}
