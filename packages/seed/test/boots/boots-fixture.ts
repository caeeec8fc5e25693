import type { BootChain, BootOffer, ImageImport } from '@shoal/api'
import { type Digest, ManualClock } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import { BootClaims, type BootClaimsDeps } from '../../src/boots/boot-claims.ts'
import { BootWishes } from '../../src/boots/boot-wish.ts'
import { FileClaims } from '../../src/boots/file-claims.ts'
import { EventJournal } from '../../src/events/event-journal.ts'
import { Catalogue } from '../../src/images/catalogue.ts'
import type { ImageRecord } from '../../src/images/image-record.ts'
import { Assignments } from '../../src/nodes/assignments.ts'
import { buildLayerRecord } from '../nodes/known-layers.ts'
import { buildImage } from '../rules/rules-fixture.ts'

/**
 * Claims of boots over a state that survives {@link BootsFixture.restart}; the library shows `shown`, imports only
 * begin.
 */
export class BootsFixture {
  readonly state = createMemoryState()
  readonly clock = new ManualClock(1_700_000_000_000)
  readonly nodes = new Set(['n1', 'n2'])
  readonly shown = new Map<string, ImageRecord>()
  readonly importing = new Set<string>()
  /** What the account of downloads was told: node, image, layer. */
  readonly joined: [string, string, Digest | null][] = []
  /** Images whose import was asked for, and how urgently. */
  readonly asked: [image: string, priority: number | undefined][] = []
  /** Who was asked to record a boot, and what was told of profiles. */
  readonly invited: string[] = []
  readonly heard: [image: string, foretold: number][] = []
  readonly catalogue = new Catalogue(this.state)
  #parts: { readonly boots: BootClaims; readonly files: FileClaims; readonly assignments: Assignments } | undefined

  get boots(): BootClaims {
    if (this.#parts === undefined) throw new TypeError('the fixture was not started')
    return this.#parts.boots
  }

  get files(): FileClaims {
    if (this.#parts === undefined) throw new TypeError('the fixture was not started')
    return this.#parts.files
  }

  get assignments(): Assignments {
    if (this.#parts === undefined) throw new TypeError('the fixture was not started')
    return this.#parts.assignments
  }

  /** Starts afresh from what is durable. */
  async restart(): Promise<this> {
    const { state, clock, catalogue, nodes } = this
    const journal = new EventJournal({ state, clock }, { limit: 100 })
    const assignments = new Assignments({ state, clock })
    const wishes = new BootWishes(state)
    for (const part of [journal, assignments, wishes]) await part.open()
    const importer: BootClaimsDeps['importer'] = {
      progress: (image) => (this.importing.has(image) ? running : undefined),
      request: async ({ id }, options) => {
        this.asked.push([id, options?.priority])
        this.importing.add(id)
      },
    }
    const looks: BootClaimsDeps['looks'] = {
      look: async (image) => {
        const found = this.shown.get(image)
        if (found !== undefined) catalogue.putImage(found)
        return catalogue.image(image)
      },
    }
    const profiles = {
      invites: (image: string, node: string) => {
        this.invited.push(`${node} ${image}`)
        return image === 'recorded'
      },
      hear: (image: string, foretold: number) => void this.heard.push([image, foretold]),
      revision: () => 3,
    }
    const registry = { has: (node: string) => nodes.has(node) }
    const downloads = {
      join: async (node: string, image: string, layer: Digest | null) => void this.joined.push([node, image, layer]),
    }
    const deps = { downloads, wishes, assignments, catalogue, importer, looks, registry, journal, profiles, clock }
    this.#parts = { boots: new BootClaims(deps), files: new FileClaims(deps), assignments }
    return this
  }

  /** An image whose layers are published, the base first. */
  publish(id: string, layers: readonly [Digest] | readonly [Digest, Digest]): void {
    const [base, middle] = layers
    const old = (digest: Digest) => this.catalogue.layer(digest)
    this.catalogue.putLayer(old(base) ?? buildLayerRecord(base, { bootBytes: 10 }))
    if (middle !== undefined) {
      this.catalogue.putLayer(buildLayerRecord(middle, { parent: base, kind: 'middle', virtualSizeBytes: 2000 }))
    }
    this.catalogue.putImage({ ...buildImage(id), layer: middle ?? base, chain: layers })
  }

  withdraw(digest: Digest): void {
    this.catalogue.putLayer(buildLayerRecord(digest, { state: 'withdrawn' }))
  }

  want(node: string, image: string, offer: BootOffer = {}): Promise<BootChain> {
    return this.boots.want(node, image, offer)
  }

  /** The layers that boots claim on a node. */
  claimed(node: string): string[] {
    return this.assignments.list({ node, owner: 'boot' }).map(({ layer }) => layer)
  }
}

const running: ImageImport = {
  ...{ state: 'reading', bytesRead: 0, bytesTotal: 1, rateBytesPerSecond: 0, libraryRequests: 1 },
  ...{ startedAt: null, finishedAt: null, error: null },
}
