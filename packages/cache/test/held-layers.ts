import type { HeldLayer } from '../src/held-layer.ts'
import type { Pin } from '../src/pin.ts'
import { digestOf } from './memory-stock.ts'

export const NO_REPLICAS = { rack: 0, zone: 0, elsewhere: 0 }

/** A layer of ten bytes that nobody holds; the higher its number, the later it was used. */
export function heldLayer(index: number, change: Partial<HeldLayer> = {}): HeldLayer {
  return {
    ...{ digest: digestOf(index), sizeBytes: 10, base: null, pins: [], isBusy: false, bootBytes: 0, isRemnant: false },
    ...{ fetchedAt: index, lastUsedAt: index, previousUsedAt: null, uses: 1, ownShare: 0, clusterShare: 0 },
    ...{ missesAtFetch: 0, inflationAtUse: 0, replicas: NO_REPLICAS },
    ...change,
  }
}

export function pinOf(index: number, owner = 'me'): Pin {
  return { digest: digestOf(index), kind: 'operator', owner, since: 0, expiresAt: null }
}
