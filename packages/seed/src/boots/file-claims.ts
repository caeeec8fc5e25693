import type { ImageFile } from '@shoal/api'
import type { Digest } from '@shoal/core'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'
import type { Catalogue } from '../images/catalogue.ts'
import { exactLayer } from '../images/exact-layer.ts'
import type { Assignments } from '../nodes/assignments.ts'
import { type Claim, FILE, ordinaryClaim } from '../nodes/claims.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import { BOOT_PRIORITY, type BootImageDeps, bootImage } from './boot-image.ts'

/** It stays as long as it is worth its room on the node: nobody says when the last download was. */
const CLAIM: Claim = ordinaryClaim(BOOT_PRIORITY, null)

export interface FileClaimsDeps extends BootImageDeps {
  readonly catalogue: Pick<Catalogue, 'image' | 'layer'>
  readonly assignments: Pick<Assignments, 'claim'>
  readonly registry: Pick<NodeRegistry, 'has'>
  readonly journal: Pick<EventJournal, 'append'>
  /** Is told who downloads what; its layer is null while the image is being imported. */
  readonly downloads: { join(node: string, image: string, layer: Digest | null): Promise<void> }
}

/**
 * Assigns nodes the layers that have images' own bytes, for clients that download images there. Asking again is
 * harmless.
 */
export class FileClaims {
  readonly #deps: FileClaimsDeps

  constructor(deps: FileClaimsDeps) {
    this.#deps = deps
  }

  /**
   * Says which layer has an image's bytes, and assigns it to the node; has the image imported where that is needed.
   * Throws `SHOAL_NODE_UNKNOWN`, `SHOAL_ASSIGNMENT_LIMIT` and the errors of {@link bootImage}.
   */
  async want(node: string, image: string): Promise<ImageFile> {
    const { registry, catalogue, assignments, journal, downloads } = this.#deps
    if (!registry.has(node)) throw seedError('SHOAL_NODE_UNKNOWN', { node })
    const own = catalogue.image(image)?.layer ?? null
    const layers = await bootImage(image, own === null ? [] : [own], this.#deps, { node })
    if (layers === undefined) {
      await downloads.join(node, image, null)
      return nothing(image, 'importing')
    }
    const record = catalogue.image(image)
    const layer = record === undefined ? undefined : exactLayer(record, catalogue)
    if (record === undefined || layer === undefined) return nothing(image, 'none')
    // It may have been removed while the library was asked.
    if (!registry.has(node)) throw seedError('SHOAL_NODE_UNKNOWN', { node })
    const digest = layer.digest as Digest
    const change = assignments.claim(FILE, new Map([[node, new Map([[digest, CLAIM]])]]))
    if (change.operations.length > 0) await journal.append([], change.operations)
    change.announce()
    await downloads.join(node, image, digest)
    const { osHashAlgo, osHashValue } = record.image
    return { image, state: 'ready', layer: digest, sizeBytes: layer.sizeBytes, osHashAlgo, osHashValue }
  }
}

function nothing(image: string, state: 'importing' | 'none'): ImageFile {
  return { image, state, layer: null, sizeBytes: 0, osHashAlgo: null, osHashValue: null }
}
