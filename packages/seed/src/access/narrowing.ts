import type { Digest } from '@shoal/core'
import type { GlanceImage } from '@shoal/openstack'
import type { Catalogue } from '../images/catalogue.ts'
import { type ImageRecord, ownLayers } from '../images/image-record.ts'
import type { AssignmentChange, Assignments } from '../nodes/assignments.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'

export interface NarrowingDeps {
  readonly catalogue: Pick<Catalogue, 'imagesOf'>
  readonly assignments: Pick<Assignments, 'restrict'>
  readonly registry: Pick<NodeRegistry, 'holdersOf'>
}

/** Who may use an image, the fewest first. */
const BREADTH: Readonly<Record<string, number>> = { private: 0, shared: 1, community: 2, public: 2 }
const FOR_ALL = 2
const breadthOf = ({ visibility }: Pick<GlanceImage, 'visibility'>) => BREADTH[visibility] ?? 0

/**
 * What becomes of copies on nodes when fewer may use an image than before: those that nobody planned or runs are removed. They were
 * brought for whoever might use it, of whom some may not any more.
 */
export class Narrowing {
  readonly #deps: NarrowingDeps

  constructor(deps: NarrowingDeps) {
    this.#deps = deps
  }

  /** The change for a record whose image is now this one; `undefined` when there is none. */
  change(before: ImageRecord, now: GlanceImage): AssignmentChange | undefined {
    if (breadthOf(now) >= breadthOf(before.image)) return undefined
    const { assignments, registry } = this.#deps
    const changes = ownLayers(before)
      .filter((layer) => !this.#isForAllElsewhere(layer, now.id))
      .map((layer) => assignments.restrict(layer, registry.holdersOf(layer)))
    return {
      operations: changes.flatMap(({ operations }) => operations),
      announce: () => {
        for (const change of changes) change.announce()
      },
    }
  }

  /** The same bytes may be another image's, which everybody may use. */
  #isForAllElsewhere(layer: Digest, image: string): boolean {
    const others = this.#deps.catalogue.imagesOf(layer).filter((other) => other.image.id !== image)
    return others.some((other) => other.image.status === 'active' && breadthOf(other.image) === FOR_ALL)
  }
}
