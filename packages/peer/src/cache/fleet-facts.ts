import type { LayerBootProfile, LayerFacts } from '@shoal/api'
import type { Replicas } from '@shoal/cache'
import { type Digest, parseDigest } from '@shoal/core'

const NO_REPLICAS: Replicas = { rack: 0, zone: 0, elsewhere: 0 }

/** What the seed said last of the layers that this node holds. Without its word a layer counts as the only copy. */
export class FleetFacts {
  #facts: ReadonlyMap<Digest, LayerFacts> = new Map()

  /** Takes in what the seed says of all layers here, or only of some of them. */
  set(facts: readonly LayerFacts[], { isAll }: { isAll: boolean } = { isAll: true }): void {
    const told = facts.map((one) => [parseDigest(one.layer), one] as const)
    this.#facts = new Map(isAll ? told : [...this.#facts, ...told])
  }

  replicas(digest: Digest): Replicas {
    return this.#facts.get(digest)?.replicas ?? NO_REPLICAS
  }

  /** What a boot reads of it; 0 when that is not known. */
  bootBytes(digest: Digest): number {
    return this.#facts.get(digest)?.bootBytes ?? 0
  }

  /** What says which bytes these are; `undefined`: those at the beginning of its file. */
  bootProfile(digest: Digest): LayerBootProfile | undefined {
    return this.#facts.get(digest)?.bootProfile
  }

  useShares(): Map<Digest, number> {
    return new Map([...this.#facts].map(([digest, { useShare }]) => [digest, useShare]))
  }
}
