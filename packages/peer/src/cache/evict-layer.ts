import { type Bitfield, type Digest, errorCode, type Logger } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
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
  /** The blocks that a boot reads; `undefined` when that cannot be told. */
  readonly bootPart: (stored: StoredLayer) => Promise<Bitfield | undefined>
  readonly logger: Logger
}

/**
 * Takes a layer off the disk, but for what a boot reads when so many bytes are to stay. Resolves with the bytes that stay: none where all
 * of it had to go; `undefined` when somebody reads it, and it stays. Its assignment ends first: a daemon that is killed in between must
 * not begin to fetch it again.
 */
export async function evictLayer(digest: Digest, keptBytes: number, deps: EvictLayerDeps): Promise<number | undefined> {
  const { store, swarm, holds, evicted } = deps
  const stored = store.get(digest)
  // The seed may have to be asked; that is not waited for while nobody may begin to read the layer.
  const part = stored === undefined || keptBytes === 0 ? undefined : await deps.bootPart(stored)
  let leftBytes: number | undefined
  await holds.remove(digest, async () => {
    // Whoever has opened it since would read zeros where a part of the file was freed.
    if ((await deps.usersOf(digest)).length > 0) return
    const assignedAt = deps.assignedAt(digest)
    if (assignedAt !== undefined) await evicted.add(digest, assignedAt)
    try {
      await swarm.leave(digest)
      leftBytes = (await keepPart(digest, part, deps)) ? keptBytes : 0
      if (leftBytes === 0) await store.remove(digest)
    } catch (error) {
      leftBytes = undefined
      // It is whole still: then it is served as before.
      if (store.get(digest)?.isComplete) await evicted.remove(digest)
      throw error
    }
  })
  return leftBytes
}

/** False when nothing of the layer can stay. */
async function keepPart(digest: Digest, part: Bitfield | undefined, deps: EvictLayerDeps): Promise<boolean> {
  const stored = deps.store.get(digest)
  if (part === undefined || stored?.present.length !== part.length) return false
  try {
    await stored.keep(part)
    return true
  } catch (error) {
    if (errorCode(error) !== 'SHOAL_STORE_NO_HOLES') throw error
    deps.logger.warn({ layer: digest, error }, 'no part of a file can be freed here: all of the layer goes')
    return false
  }
}
