import type { Digest } from '@shoal/core'
import type { CallerRefusal } from '@shoal/service'
import type { FastifyRequest } from 'fastify'
import { seedError } from '../errors.ts'
import type { Catalogue } from '../images/catalogue.ts'
import { layersOf } from '../images/image-record.ts'
import type { Assignments } from '../nodes/assignments.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'

export interface LayerEntitlementDeps {
  readonly assignments: Pick<Assignments, 'isWanted' | 'ofNode'>
  readonly catalogue: Pick<Catalogue, 'image' | 'layer' | 'publishedLayer'>
  readonly registry: Pick<NodeRegistry, 'get'>
  readonly refused: (refusal: CallerRefusal, details: Readonly<Record<string, string>>) => void
}

type Caller = Pick<FastifyRequest, 'node' | 'ip' | 'routeOptions'>

/** What of the library's images a node may know: what it is to hold. Operators may see everything. */
export class LayerEntitlement {
  readonly #deps: LayerEntitlementDeps

  constructor(deps: LayerEntitlementDeps) {
    this.#deps = deps
  }

  /** A layer that somebody wants on the node, and what is below it. Throws `SHOAL_LAYER_NOT_ASSIGNED`. */
  checkLayer(caller: Caller, layer: string): void {
    const { node } = caller
    if (node === undefined || this.#isWanted(node, layer as Digest)) return
    this.#refuse(caller, node, layer)
  }

  /** The boot profile of an image of which some layer is wanted, or held, on the node. Throws `SHOAL_LAYER_NOT_ASSIGNED`. */
  checkProfile(caller: Caller, image: string): void {
    const { node } = caller
    if (node === undefined) return
    const record = this.#deps.catalogue.image(image)
    const layers = record === undefined ? [] : layersOf(record)
    if (layers.some((layer) => this.#isWanted(node, layer))) return
    const held = this.#deps.registry.get(node)?.inventory?.layers ?? []
    if (held.some(({ digest }) => layers.includes(digest as Digest))) return
    this.#refuse(caller, node, image)
  }

  /** Whether a node may take part in the swarm of an info hash (hexadecimal). */
  mayJoin(infoHash: string, node: string): boolean {
    const layer = this.#deps.catalogue.publishedLayer(infoHash)
    return layer !== undefined && this.#isWanted(node, layer.digest)
  }

  #isWanted(node: string, layer: Digest): boolean {
    const { assignments, catalogue } = this.#deps
    if (assignments.isWanted(node, layer)) return true
    return assignments.ofNode(node).some((assigned) => catalogue.layer(assigned.layer)?.parent === layer)
  }

  #refuse(caller: Caller, node: string, subject: string): never {
    const error = seedError('SHOAL_LAYER_NOT_ASSIGNED', { node, subject })
    const operation = caller.routeOptions.config.operation ?? 'none'
    this.#deps.refused({ code: error.code, node, operation, address: caller.ip }, { subject })
    throw error
  }
}
