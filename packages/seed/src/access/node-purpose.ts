import type { BootWishes } from '../boots/boot-wish.ts'
import { seedError } from '../errors.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { ImageLooks } from '../images/image-looks.ts'
import { type ImageRecord, ownLayers } from '../images/image-record.ts'
import type { Assignments } from '../nodes/assignments.ts'
import { FILE } from '../nodes/claims.ts'
import type { ImageRights } from './image-rights.ts'

export interface NodePurposeDeps {
  readonly catalogue: Pick<Catalogue, 'image'>
  readonly looks: Pick<ImageLooks, 'look'>
  readonly assignments: Pick<Assignments, 'ofNode'>
  readonly wishes: Pick<BootWishes, 'get'>
  readonly rights: Pick<ImageRights, 'admits'>
}

/** Images that every project of the cloud may use. */
const FOR_ALL: ReadonlySet<string> = new Set(['public', 'community'])

/**
 * What lets a node have the layers of an image that is not for all: somebody wants it there already (a plan, an operator, a machine
 * that runs), or a token of the tenant for whom the node asks. The word of the node alone does not.
 */
export class NodePurpose {
  readonly #deps: NodePurposeDeps
  readonly #trustsNodes: boolean

  constructor(deps: NodePurposeDeps, options: { readonly trustNodes: boolean }) {
    this.#deps = deps
    this.#trustsNodes = options.trustNodes
  }

  /** Throws `SHOAL_IMAGE_NO_PURPOSE`, and `SHOAL_IMAGE_UNKNOWN` for an image that is not there. */
  async check(node: string, image: string, { tenantToken }: { tenantToken?: string | undefined }): Promise<void> {
    const { catalogue, looks, wishes, rights } = this.#deps
    if (this.#trustsNodes) return
    const record = catalogue.image(image) ?? (await looks.look(image))
    if (record === undefined) throw seedError('SHOAL_IMAGE_UNKNOWN', { image })
    if (FOR_ALL.has(record.image.visibility) || this.#isWanted(node, record)) return
    // It was given the image before, for a machine that it has not told to be gone.
    if (wishes.get(node, image) !== undefined) return
    if (tenantToken !== undefined && (await rights.admits(tenantToken, image))) return
    throw seedError('SHOAL_IMAGE_NO_PURPOSE', { node, image })
  }

  /** That a node was given the file for somebody else's download says nothing of this one. */
  #isWanted(node: string, record: ImageRecord): boolean {
    const own = new Set<string>(ownLayers(record))
    return this.#deps.assignments
      .ofNode(node)
      .some(({ layer, owners = [] }) => own.has(layer) && owners.some((owner) => owner !== FILE))
  }
}
