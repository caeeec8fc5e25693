import { type DesiredState, type LayerUses, MAX_NODE_LAYERS } from '@shoal/api'
import type { UseHistory } from '@shoal/cache'
import { type Bitfield, type Clock, type Digest, parseDigest } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'

export interface UseTrackerDeps {
  readonly history: UseHistory
  readonly store: Pick<LayerStore, 'get'>
  readonly bootBytes: (digest: Digest) => number
  /** The blocks that a boot reads, as far as that is known. */
  readonly bootPart: (stored: StoredLayer) => Bitfield | undefined
  readonly clock: Clock
}

/** Sees what is asked of this node's layers, for its own policy and for the seed, which adds up those of all nodes. */
export class UseTracker {
  readonly #deps: UseTrackerDeps
  #assigned: ReadonlyMap<Digest, string> | undefined
  readonly #untold = new Map<Digest, number>()

  constructor(deps: UseTrackerDeps) {
    this.#deps = deps
  }

  /** A layer is asked for: it is there, in part or whole, or it has to be fetched. */
  used(digest: Digest, sizeBytes: number): void {
    const { history, store, clock } = this.#deps
    const stored = store.get(digest)
    const bootBytes = Math.min(sizeBytes, this.#deps.bootBytes(digest))
    const isHit = stored?.isComplete ?? false
    const isBootHit = isHit || (bootBytes > 0 && stored !== undefined && this.#hasBootPart(stored))
    history.used(digest, clock.now(), { sizeBytes, bootBytes, isHit, isBootHit })
    if (this.#untold.has(digest) || this.#untold.size < MAX_NODE_LAYERS) {
      this.#untold.set(digest, (this.#untold.get(digest) ?? 0) + 1)
    }
  }

  /** Each new assignment is a use to come. Those that were there when the daemon began are not new. */
  desired({ assignments }: Pick<DesiredState, 'assignments'>): void {
    const before = this.#assigned
    this.#assigned = new Map(assignments.map(({ layer, assignedAt = '' }) => [parseDigest(layer), assignedAt]))
    if (before === undefined) return
    for (const { layer, sizeBytes, assignedAt = '' } of assignments) {
      const digest = parseDigest(layer)
      if (before.get(digest) !== assignedAt) this.used(digest, sizeBytes)
    }
  }

  /** What the seed was not told yet. Acknowledge it once the seed has it. */
  next(): { uses: LayerUses[]; acknowledge: () => void } {
    const told = new Map(this.#untold)
    const uses = [...told].map(([layer, count]) => ({ layer, uses: count }))
    const acknowledge = () => {
      for (const [digest, count] of told) {
        const left = (this.#untold.get(digest) ?? 0) - count
        if (left > 0) this.#untold.set(digest, left)
        else this.#untold.delete(digest)
      }
    }
    return { uses, acknowledge }
  }

  #hasBootPart(stored: StoredLayer): boolean {
    const part = this.#deps.bootPart(stored)
    return part !== undefined && [...part.ones()].every((block) => stored.present.has(block))
  }
}
