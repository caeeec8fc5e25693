import type { Digest } from '@shoal/core'
import type { Eviction, EvictionPlan } from './eviction.ts'
import { type Candidate, type EvictionOrder, rankCandidates } from './eviction-order.ts'
import { type HeldLayer, isLastCopy, needsBase } from './held-layer.ts'
import { RemnantShare } from './remnant-share.ts'

export interface EvictionPlanOptions extends EvictionOrder {
  /** Bytes that remnants may take together. */
  readonly remnantBytes: number
}

/**
 * Which layers go so that `wantedBytes` become free. What is aged goes in any case. Then, until it is enough: remnants
 * beyond their share, whole layers, of which the part that a boot reads stays while the share has room for it, and at
 * last the remnants. The least valuable goes first, but a base waits for what needs it. Frees less when what is left
 * may not go.
 */
export function planEvictions(
  layers: readonly HeldLayer[],
  wantedBytes: number,
  options: EvictionPlanOptions,
): EvictionPlan {
  const evictions = new Planner(layers, wantedBytes, options.remnantBytes).plan(rankCandidates(layers, options))
  const gone = new Set(evictions.map(({ digest }) => digest))
  return {
    evictions,
    freedBytes: evictions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    kept: layers.filter(({ digest }) => !gone.has(digest)).sort((one, other) => other.sizeBytes - one.sizeBytes),
  }
}

type Draft = { -readonly [Key in keyof Eviction]: Eviction[Key] }

class Planner {
  readonly #wantedBytes: number
  /** How many layers need each base. */
  readonly #above = new Map<Digest, number>()
  /** Bases whose turn came while something needed them. */
  readonly #waiting = new Map<Digest, Candidate>()
  readonly #remnants: RemnantShare
  readonly #drafts = new Map<Digest, Draft>()
  #freedBytes = 0

  constructor(layers: readonly HeldLayer[], wantedBytes: number, remnantBytes: number) {
    this.#wantedBytes = wantedBytes
    for (const layer of layers) {
      if (layer.base !== null && needsBase(layer)) this.#above.set(layer.base, (this.#above.get(layer.base) ?? 0) + 1)
    }
    const present = layers.reduce((sum, { isRemnant, sizeBytes }) => sum + (isRemnant ? sizeBytes : 0), 0)
    this.#remnants = new RemnantShare(remnantBytes, present)
  }

  plan(candidates: readonly Candidate[]): Eviction[] {
    const others = candidates.filter(({ isAged }) => !isAged)
    for (const candidate of candidates) if (candidate.isAged) this.#turnOf(candidate)
    for (const candidate of others) if (candidate.layer.isRemnant) this.#turnOf(candidate)
    this.#dropRemnants(() => this.#remnants.isOver)
    for (const candidate of others) if (!candidate.layer.isRemnant) this.#turnOf(candidate)
    this.#dropRemnants(() => true)
    return [...this.#drafts.values()]
  }

  get #isEnough(): boolean {
    return this.#freedBytes >= this.#wantedBytes
  }

  /** It goes, and after it the base that waited for it. A remnant that is not aged may go from now on. */
  #turnOf(candidate: Candidate): void {
    let next: Candidate | undefined = candidate
    while (next !== undefined && (next.isAged || !this.#isEnough)) {
      const { layer, isAged }: Candidate = next
      if ((this.#above.get(layer.digest) ?? 0) > 0) {
        this.#waiting.set(layer.digest, next)
        return
      }
      if (layer.isRemnant && !isAged) {
        this.#remnants.offer(next)
        return
      }
      if (layer.isRemnant) this.#remnants.free(layer.sizeBytes)
      this.#add(next, this.#keep(next))
      next = this.#release(layer)
    }
  }

  /** The base that only this layer still needed, when its turn is over. */
  #release({ base, isRemnant }: HeldLayer): Candidate | undefined {
    if (base === null || isRemnant) return undefined
    const above = (this.#above.get(base) ?? 0) - 1
    this.#above.set(base, above)
    return above > 0 ? undefined : this.#waiting.get(base)
  }

  /** Bytes of a layer that stay. */
  #keep(candidate: Candidate): number {
    const { bootBytes, sizeBytes, isRemnant } = candidate.layer
    if (candidate.isAged || isRemnant || bootBytes === 0 || bootBytes >= sizeBytes) return 0
    const less = this.#remnants.admit(candidate)
    for (const other of less ?? []) this.#drop(other)
    return less === undefined ? 0 : bootBytes
  }

  #dropRemnants(isWanted: () => boolean): void {
    while (!this.#isEnough && isWanted()) {
      const least = this.#remnants.takeLeast()
      if (least === undefined) return
      this.#drop(least)
    }
  }

  /** A remnant goes, or is not left at all. */
  #drop(candidate: Candidate): void {
    const draft = this.#drafts.get(candidate.layer.digest)
    if (draft === undefined) {
      this.#add(candidate, 0)
      return
    }
    this.#freedBytes += draft.keptBytes
    draft.sizeBytes += draft.keptBytes
    draft.keptBytes = 0
  }

  #add({ layer, value, isAged }: Candidate, keptBytes: number): void {
    const { digest } = layer
    const sizeBytes = layer.sizeBytes - keptBytes
    const reason = isAged ? 'age' : 'space'
    this.#drafts.set(digest, { digest, sizeBytes, keptBytes, value, isLastCopy: isLastCopy(layer), reason })
    this.#freedBytes += sizeBytes
  }
}
