import type { BootChain, BootOffer } from '@shoal/api'
import type { Digest } from '@shoal/core'
import type { StateOperation } from '@shoal/state'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'
import type { Assignments } from '../nodes/assignments.ts'
import { BOOT, type Claim, ordinaryClaim } from '../nodes/claims.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import { BOOT_PRIORITY, type BootImageDeps, bootImage } from './boot-image.ts'
import type { BootWishes } from './boot-wish.ts'

/**
 * No pin: the node itself holds the layers for as long as it serves the disk, also while the seed is away. A time here
 * would end under a machine that runs for a year, or keep the layers of one that is gone.
 */
const CLAIM: Claim = ordinaryClaim(BOOT_PRIORITY, null)

/** What is known of how images boot. */
export interface BootProfileFacts {
  /** Whether a node that would record its next boot of an image is to do so. */
  invites(image: string, node: string): boolean
  /** A node tells which part of what a boot of an image read its profile had named. */
  hear(image: string, foretold: number): void
  /** Of its profile; 0: it has none. */
  revision(image: string): number
}

export interface BootClaimsDeps extends BootImageDeps {
  readonly wishes: BootWishes
  readonly assignments: Pick<Assignments, 'claim' | 'release'>
  readonly registry: Pick<NodeRegistry, 'has'>
  readonly journal: Pick<EventJournal, 'append'>
  readonly profiles: BootProfileFacts
}

/**
 * Assigns nodes the layers of what they boot, and takes them back. Asking again changes nothing but lays a claim that
 * ended.
 */
export class BootClaims {
  readonly #deps: BootClaimsDeps

  constructor(deps: BootClaimsDeps) {
    this.#deps = deps
  }

  /**
   * Says what a node needs to boot an image, and assigns it the layers; has the image imported where that is needed.
   * Asked again for a machine that runs, it invites nobody to record a boot.
   * Throws `SHOAL_NODE_UNKNOWN`, `SHOAL_ASSIGNMENT_LIMIT` and the errors of {@link bootImage}.
   */
  async want(node: string, image: string, options: BootOffer): Promise<BootChain> {
    const { wishes, registry, profiles } = this.#deps
    const { records = false, foretold } = options
    if (!registry.has(node)) throw seedError('SHOAL_NODE_UNKNOWN', { node })
    const layers = await bootImage(image, wishes.get(node, image)?.layers ?? [], this.#deps, { node })
    // Also while it is imported: that it was admitted is to be known when the token of its tenant is over.
    if (layers !== undefined || wishes.get(node, image) === undefined) await this.#claim(node, image, layers ?? [])
    if (foretold !== undefined) profiles.hear(image, foretold)
    return this.#view(image, layers, records && layers !== undefined && profiles.invites(image, node))
  }

  /** A node boots an image no more; nothing when it did not. Layers that it boots another image from stay assigned. */
  async end(node: string, image: string): Promise<void> {
    const { wishes, assignments, journal } = this.#deps
    const wish = wishes.get(node, image)
    if (wish === undefined) return
    const removed = wishes.remove(wish)
    const change = assignments.release(BOOT, new Map([[node, this.#unneeded(node, wish.layers)]]))
    await journal.append([], [...change.operations, removed])
    change.announce()
  }

  /** Operations that forget what a node boots, which is about to be forgotten itself. */
  forget(node: string): StateOperation[] {
    return this.#deps.wishes.removeNode(node)
  }

  async #claim(node: string, image: string, layers: readonly Digest[]): Promise<void> {
    const { wishes, assignments, journal, registry } = this.#deps
    // It may have been removed while the library was asked.
    if (!registry.has(node)) throw seedError('SHOAL_NODE_UNKNOWN', { node })
    const before = wishes.get(node, image)
    const claims = assignments.claim(BOOT, new Map([[node, new Map(layers.map((layer) => [layer, CLAIM]))]]))
    const isSame = before?.layers.length === layers.length && before.layers.every((layer, at) => layer === layers[at])
    const saved = isSame ? [] : [wishes.put({ node, image, layers })]
    const released = assignments.release(BOOT, new Map([[node, this.#unneeded(node, before?.layers ?? [])]]))
    const operations = [...claims.operations, ...released.operations, ...saved]
    if (operations.length === 0) return
    await journal.append([], operations)
    claims.announce()
    released.announce()
  }

  #unneeded(node: string, layers: readonly Digest[]): Digest[] {
    const needed = this.#deps.wishes.layersOf(node)
    return layers.filter((layer) => !needed.has(layer))
  }

  #view(image: string, layers: readonly Digest[] | undefined, wantsRecordings: boolean): BootChain {
    const { catalogue, profiles } = this.#deps
    const records = (layers ?? []).flatMap((layer) => catalogue.layer(layer) ?? [])
    return {
      image,
      state: layers === undefined ? 'importing' : 'ready',
      layers: records.map(({ digest, sizeBytes, bootBytes }) => ({ layer: digest, sizeBytes, bootBytes })),
      virtualSizeBytes: records.at(-1)?.virtualSizeBytes ?? 0,
      wantsRecordings,
      profileRevision: profiles.revision(image),
    }
  }
}
