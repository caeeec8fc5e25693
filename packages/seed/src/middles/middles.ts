import { errorCode, errorMessage } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import { type GlanceImage, readMiddleClaim } from '@shoal/openstack'
import { seedError } from '../errors.ts'
import type { Catalogue } from '../images/catalogue.ts'
import { fileOf, mayShare } from '../layers/base-choice.ts'
import type { LayerWorker } from '../layers/layer-worker.ts'

export interface MiddlesDeps {
  readonly catalogue: Catalogue
  readonly store: Pick<LayerStore, 'get'>
  /** A process for the work on one image, which ends it. */
  readonly startWorker: (image: string) => Pick<LayerWorker, 'run' | typeof Symbol.asyncDispose>
}

/** What an image says that it is, with the base that it says it is over. */
export interface ClaimedMiddle {
  readonly base: StoredLayer
  /** Of base <- middle. */
  readonly guestDigest: string
}

/** Images of the library that are middles (docs/formats/middle-in-glance.md): finds their bases, and proves what their owners claim. */
export class Middles {
  readonly #deps: MiddlesDeps

  constructor(deps: MiddlesDeps) {
    this.#deps = deps
  }

  /** The claim of an image; `undefined` for a flat one. Throws `SHOAL_IMAGE_MIDDLE_PROPERTY` or `SHOAL_IMAGE_PARENT_UNKNOWN`. */
  claimOf(image: GlanceImage): ClaimedMiddle | undefined {
    const claim = readMiddleClaim(image)
    if (claim.kind === 'flat') return undefined
    if (claim.kind === 'malformed') {
      const { property, reason } = claim
      throw seedError('SHOAL_IMAGE_MIDDLE_PROPERTY', { image: image.id, property, reason })
    }
    const { parent, guestDigest } = claim.properties
    const base = this.#findBase(image, parent)
    // Whether there is such a layer that is somebody else's own must not show.
    if (base === undefined) throw seedError('SHOAL_IMAGE_PARENT_UNKNOWN', { image: image.id, parent })
    return { base, guestDigest }
  }

  /**
   * Compares what a guest sees on base <- middle with the claim; the middle's file is read as qcow2, and no name in it counts. Throws
   * `SHOAL_IMAGE_MIDDLE_SIZE` or `SHOAL_IMAGE_PARENT_UNPROVEN`.
   */
  async prove(
    image: string,
    { base, guestDigest: claimed }: ClaimedMiddle,
    { path, virtualSizeBytes, signal }: { path: string; virtualSizeBytes: number; signal: AbortSignal },
  ): Promise<void> {
    const { digest: parent, virtualSizeBytes: baseBytes } = base.manifest
    if (virtualSizeBytes < baseBytes) {
      throw seedError('SHOAL_IMAGE_MIDDLE_SIZE', { image, parent, virtualSizeBytes, baseBytes })
    }
    const unproven = (reason: string, cause?: unknown) =>
      seedError('SHOAL_IMAGE_PARENT_UNPROVEN', { image, parent, reason }, cause)
    const disk = [{ path, format: 'qcow2' }, fileOf(base)] as const
    await using worker = this.#deps.startWorker(image)
    const found = await worker.run({ type: 'guest-digest', disk }, { signal }).catch((error: unknown) => {
      // Inspection looks at tables, not into compressed clusters: a middle that cannot be read is as bad as a wrong one.
      throw errorCode(error)?.startsWith('SHOAL_QCOW2_')
        ? unproven(errorMessage(error).replace(/\.$/, ''), error)
        : error
    })
    if (found !== claimed) throw unproven(`base and middle show a disk of guest digest ${found}, claimed is ${claimed}`)
  }

  /** A published base that is here whole, and whose content the image's owner may have anyhow. */
  #findBase(image: GlanceImage, parent: string): StoredLayer | undefined {
    const { catalogue, store } = this.#deps
    const layer = catalogue.layer(parent)
    if (layer?.kind !== 'base' || layer.state !== 'published') return undefined
    const isOpen = catalogue
      .imagesOf(layer.digest)
      .some((other) => other.image.status === 'active' && mayShare(other, { image }))
    const stored = isOpen ? store.get(layer.digest) : undefined
    return stored?.isComplete ? stored : undefined
  }
}
