import type { Digest } from '@shoal/core'
import { DEFAULT_LAYER_TERMS, type LayerTerms, type Swarm } from '@shoal/swarm'
import type { Catalogue } from '../images/catalogue.ts'
import type { ClaimsByNode } from '../nodes/assignments.ts'

/** How urgently the origin gives a layer to nodes, beside others. */
export type GivingTerms = Pick<LayerTerms, 'priority' | 'wave' | 'weight'>

/** The terms on which the origin gives what a plan claims: for each layer those of its most urgent claim. */
export function termsOfClaims(claims: ClaimsByNode): ReadonlyMap<Digest, GivingTerms> {
  const terms = new Map<Digest, GivingTerms>()
  for (const ofNode of claims.values()) {
    for (const [layer, { priority, wave, weight, limitBytesPerSecond }] of ofNode) {
      const before = terms.get(layer)
      const rests = limitBytesPerSecond === 0 && before !== undefined
      if (!rests && isAhead({ priority, wave, weight }, before)) terms.set(layer, { priority, wave, weight })
    }
  }
  return terms
}

/** Tells the origin on which terms it gives layers, when they change. */
export class OriginTerms {
  readonly #deps: { readonly swarm: Pick<Swarm, 'get'>; readonly catalogue: Pick<Catalogue, 'layer'> }
  #told = new Map<Digest, GivingTerms>()

  constructor(deps: { readonly swarm: Pick<Swarm, 'get'>; readonly catalogue: Pick<Catalogue, 'layer'> }) {
    this.#deps = deps
  }

  /** The terms of each plan that is under way. */
  set(plans: Iterable<ReadonlyMap<Digest, GivingTerms>>): void {
    const wanted = new Map<Digest, GivingTerms>()
    for (const terms of plans) {
      for (const [layer, one] of terms) if (isAhead(one, wanted.get(layer))) wanted.set(layer, one)
    }
    for (const layer of this.#told.keys()) if (!wanted.has(layer)) this.#tell(layer, DEFAULT_LAYER_TERMS)
    for (const [layer, terms] of wanted) if (!isSame(terms, this.#told.get(layer))) this.#tell(layer, terms)
    this.#told = wanted
  }

  #tell(layer: Digest, terms: GivingTerms): void {
    const { swarm, catalogue } = this.#deps
    const bootBytes = catalogue.layer(layer)?.bootBytes ?? 0
    swarm.get(layer)?.setTerms({ ...DEFAULT_LAYER_TERMS, ...terms, bootBytes })
  }
}

function isAhead(one: GivingTerms, other: GivingTerms | undefined): boolean {
  if (other === undefined) return true
  return one.priority > other.priority || (one.priority === other.priority && one.wave < other.wave)
}

function isSame(one: GivingTerms, other: GivingTerms | undefined): boolean {
  return one.priority === other?.priority && one.wave === other.wave && one.weight === other.weight
}
