import type { Digest } from '@shoal/core'
import { nodeScore } from '@shoal/scheduler'
import type { Catalogue, LayerRecord } from '../images/catalogue.ts'
import type { Popularity } from '../nodes/popularity.ts'
import { encodeScores } from './encode-scores.ts'
import type { CacheLook, FleetCaches } from './fleet-caches.ts'
import { imageForms } from './image-forms.ts'
import { loopTurns } from './loop-turns.ts'

export interface SnapshotMakerDeps {
  readonly caches: Pick<FleetCaches, 'look' | 'isHeld'>
  readonly catalogue: Pick<Catalogue, 'images' | 'layer'>
  readonly popularity: Pick<Popularity, 'share'>
}

/** Layers that a VM can be started from. */
type Form = readonly LayerRecord[]

/** What the format allows. */
const MAX_IMAGES = 4096
const MAX_NODES = 20_000
const MAX_CHARS = 16 * 1024 ** 2 - 64 * 1024
const HIGHEST = 255

/** The two members of a snapshot that its ETag stands for, as JSON; undefined while no node has reported. */
export type SnapshotBody = { readonly nodes: string; readonly images: readonly string[] }

/** Works out the score of every node for every image that some node holds something of. */
export class SnapshotMaker {
  readonly #deps: SnapshotMakerDeps

  constructor(deps: SnapshotMakerDeps) {
    this.#deps = deps
  }

  async make(): Promise<SnapshotBody | undefined> {
    const images = this.#images()
    const layers = new Map(images.flatMap(({ forms }) => forms.flat().map((layer) => [layer.digest, layer])))
    const look = await this.#deps.caches.look([...layers.values()], () => true)
    if (look.nodes.length === 0) return undefined
    const names = look.nodes.slice(0, MAX_NODES).map(({ id }) => id)
    const nodes = JSON.stringify(names)
    const turn = loopTurns()
    const encoded: string[] = []
    const scores = new Uint8Array(names.length)
    let chars = nodes.length
    for (const { image, forms } of images) {
      await turn()
      fillScores(scores, forms, look)
      const found = encodeScores(scores)
      if (found === undefined) continue
      const member = `${JSON.stringify(image)}:${JSON.stringify(found)}`
      chars += member.length + 1
      // The format forbids a part of an image: what was used least is left out.
      if (chars > MAX_CHARS) break
      encoded.push(member)
    }
    return { nodes, images: encoded }
  }

  /** Images whose layers are published, the most used first, with the chain of each and, where some node has of it, its file. */
  #images(): { image: string; forms: readonly Form[] }[] {
    const { caches, catalogue, popularity } = this.#deps
    const ready = catalogue.images().flatMap((record) => {
      if (record.deletedAt !== null || record.image.status !== 'active') return []
      const { chain, file } = imageForms(record, catalogue)
      if (chain.length === 0) return []
      const forms = file !== undefined && caches.isHeld(file.digest as Digest) ? [chain, [file]] : [chain]
      return [{ image: record.image.id, forms, share: popularity.share(chain.at(-1)?.digest ?? '') }]
    })
    return ready.sort((a, b) => b.share - a.share).slice(0, MAX_IMAGES)
  }
}

/** A VM is started from the form of which more is there: what a node holds is what is used there. */
function fillScores(scores: Uint8Array, forms: readonly Form[], { costs, fullCosts, busy }: CacheLook): void {
  scores.fill(0)
  for (const form of forms) {
    const rows = form.flatMap(({ digest }) => costs.get(digest) ?? [])
    const full = form.reduce((sum, { digest }) => sum + (fullCosts.get(digest) ?? 0), 0)
    for (let node = 0; node < scores.length; node += 1) {
      let cost = 0
      for (const row of rows) cost += row[node] ?? 0
      const score = Math.round(nodeScore(cost, full, busy[node] ?? 0) * HIGHEST)
      if (score > (scores[node] ?? 0)) scores[node] = score
    }
  }
}
