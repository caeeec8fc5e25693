import type { Inventory, Node, NodeLimits } from '@shoal/api'
import type { Clock, Digest } from '@shoal/core'
import type { Demand, DemandTarget, Fleet, FleetNode, HeldLayer, NodeFilter } from '@shoal/planner'
import type { FleetLimits } from '../fleet-limits.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { Assignments } from '../nodes/assignments.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'

/** Rates of links that nobody has told. Bytes per second. */
export interface AssumedLinks {
  readonly nodeLinkBytesPerSecond: number
  readonly seedLinkBytesPerSecond: number
  readonly libraryBytesPerSecond: number
}

export interface FleetViewDeps {
  readonly registry: Pick<NodeRegistry, 'list' | 'get'>
  readonly assignments: Pick<Assignments, 'ofNode'>
  readonly catalogue: Pick<Catalogue, 'layer' | 'layers'>
  readonly limits: Pick<FleetLimits, 'effective'>
  readonly clock: Pick<Clock, 'now'>
}

interface NodeOptions {
  readonly plan: string | null
  readonly wanted: ReadonlySet<Digest>
  readonly limits: NodeLimits
  readonly isAlive: boolean
}

/** The fleet as the planner sees it: what there is and what is free of it, without what `plan` itself has under way. */
export class FleetView {
  readonly #deps: FleetViewDeps
  readonly #links: AssumedLinks

  constructor(deps: FleetViewDeps, links: AssumedLinks) {
    this.#deps = deps
    this.#links = links
  }

  /** Its active nodes, for the demands of a plan, null for one that is not kept. `isHere` says whether a node counts as alive. */
  fleet(plan: string | null, demands: readonly Demand[], isHere: (node: Node) => boolean): Fleet {
    const { registry, catalogue, limits } = this.#deps
    const { libraryBytesPerSecond, seedUpBytesPerSecond, rackUplinkBytesPerSecond, node: ofNode } = limits.effective
    const nodes = registry.list().filter(({ mode }) => mode.mode === 'active')
    const racks = new Set(nodes.flatMap(({ rack }) => (rack === '' ? [] : [rack])))
    const uplink = rackUplinkBytesPerSecond
    const wantedOn = layersWanted(demands)
    const published = catalogue.layers().filter(({ state }) => state === 'published')
    return {
      nodes: nodes.map((node) =>
        this.#node(node, { plan, wanted: wantedOn(node), limits: ofNode, isAlive: isHere(node) }),
      ),
      racks:
        uplink === null
          ? []
          : [...racks].map((rack) => ({ rack, inBytesPerSecond: uplink, outBytesPerSecond: uplink })),
      seed: {
        upBytesPerSecond: least(this.#links.seedLinkBytesPerSecond, seedUpBytesPerSecond),
        libraryBytesPerSecond: least(this.#links.libraryBytesPerSecond, libraryBytesPerSecond),
        holds: published.map(({ digest, sizeBytes }) => ({ layer: digest, heldBytes: sizeBytes })),
      },
    }
  }

  /** Those of the named nodes that are in a part of the fleet; one that is not registered is left in, so that it is told of. */
  nodesWithin(names: readonly string[], filter: NodeFilter): string[] {
    return names.filter((name) => {
      const node = this.#deps.registry.get(name)
      return node === undefined || isWithin(node, filter)
    })
  }

  #node(node: Node, options: NodeOptions): FleetNode {
    const { id, rack, zone, aggregates = [], inventory, capacityBytes } = node
    const { upBytesPerSecond, downBytesPerSecond, prefetchBytesPerSecond } = inventory?.limits ?? options.limits
    const link = node.linkBytesPerSecond ?? this.#links.nodeLinkBytesPerSecond
    const promised = inventory === null ? 0 : this.#promisedBytes(id, inventory, options)
    return {
      node: id,
      ...(rack === '' ? {} : { rack }),
      ...(zone === '' ? {} : { zone }),
      aggregates,
      upBytesPerSecond: least(link, upBytesPerSecond),
      downBytesPerSecond: least(least(link, downBytesPerSecond), prefetchBytesPerSecond),
      freeCacheBytes: capacityBytes - (inventory?.diskUsedBytes ?? 0) - promised,
      holds: inventory === null ? [] : this.#holds(id, inventory),
      isAlive: options.isAlive,
      load: inventory?.load1 ?? 0,
    }
  }

  /** What others are going to fill of its cache. A layer that the plan wants there too is counted as the plan's. */
  #promisedBytes(node: string, { layers }: Inventory, { plan, wanted }: NodeOptions): number {
    const present = new Map(layers.map(({ digest, presentBytes }) => [digest, presentBytes]))
    let bytes = 0
    for (const { layer, owners = [] } of this.#deps.assignments.ofNode(node)) {
      if ((plan !== null && owners.includes(plan)) || wanted.has(layer as Digest)) continue
      const sizeBytes = this.#deps.catalogue.layer(layer)?.sizeBytes ?? 0
      bytes += Math.max(0, sizeBytes - (present.get(layer) ?? 0))
    }
    return bytes
  }

  #holds(node: string, { layers }: Inventory): HeldLayer[] {
    const now = this.#deps.clock.now()
    const isPinnedUntil = (time: string | null) => time !== null && Date.parse(time) > now
    const assigned = this.#deps.assignments.ofNode(node).filter(({ pinnedUntil }) => isPinnedUntil(pinnedUntil))
    const pinned = new Set(assigned.map(({ layer }) => layer))
    return layers.flatMap(({ digest, state, presentBytes, isPinned = false }) => {
      if (state === 'evicted' || presentBytes === 0) return []
      return [{ layer: digest as Digest, heldBytes: presentBytes, isPinned: isPinned || pinned.has(digest) }]
    })
  }
}

/** By node: the layers that demands may bring there. */
function layersWanted(demands: readonly Demand[]): (node: Node) => ReadonlySet<Digest> {
  const tests = demands.map(({ target, chain }) => ({ mayGet: testOf(target), chain }))
  return (node) => new Set(tests.flatMap(({ mayGet, chain }) => (mayGet(node) ? chain : [])))
}

function testOf(target: DemandTarget): (node: Node) => boolean {
  if (target.kind !== 'nodes') return (node) => isWithin(node, target.filter ?? {})
  const names = new Set(target.nodes)
  return ({ id }) => names.has(id)
}

function isWithin(node: Node, { zone, rack, aggregate }: NodeFilter): boolean {
  const isInZone = zone === undefined || node.zone === zone
  const isInRack = rack === undefined || node.rack === rack
  return isInZone && isInRack && (aggregate === undefined || (node.aggregates?.includes(aggregate) ?? false))
}

function least(rate: number, limit: number | null): number {
  return limit === null ? rate : Math.min(rate, limit)
}
