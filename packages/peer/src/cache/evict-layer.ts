import type { Digest } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import type { LayerHolds } from '../layer-holds.ts'
import type { SwarmPort } from '../reconciler.ts'
import type { EvictedLayers } from './evicted-layers.ts'

export interface EvictLayerDeps {
  readonly store: Pick<LayerStore, 'get' | 'remove'>
  readonly swarm: Pick<SwarmPort, 'leave'>
  readonly holds: LayerHolds
  readonly evicted: EvictedLayers
  /** Processes that have its file open. */
  readonly usersOf: (digest: Digest) => Promise<readonly string[]>
  /** When the layer was assigned; `undefined` when it is not. */
  readonly assignedAt: (digest: Digest) => string | undefined
}

/**
 * Takes a layer off the disk, but for so many bytes at its beginning; false when somebody reads it, and it stays. Its assignment ends
 * first: a daemon that is killed in between must not begin to fetch it again.
 */
export async function evictLayer(digest: Digest, keptBytes: number, deps: EvictLayerDeps): Promise<boolean> {
  const { store, swarm, holds, evicted } = deps
  let isOpen = false
  const isRemoved = await holds.remove(digest, async () => {
    // Whoever has opened it since would read zeros where a part of the file was cut off.
    isOpen = (await deps.usersOf(digest)).length > 0
    if (isOpen) return
    const assignedAt = deps.assignedAt(digest)
    if (assignedAt !== undefined) await evicted.add(digest, assignedAt)
    try {
      await swarm.leave(digest)
      const stored = store.get(digest)
      if (stored === undefined || keptBytes === 0) await store.remove(digest)
      else await stored.trim(Math.ceil(keptBytes / stored.manifest.blockLengthBytes))
    } catch (error) {
      // It is whole still: then it is served as before.
      if (store.get(digest)?.isComplete) await evicted.remove(digest)
      throw error
    }
  })
  return isRemoved && !isOpen
}
