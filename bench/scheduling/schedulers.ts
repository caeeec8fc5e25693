import { fullLayerCost, placeJointly } from '@shoal/scheduler'
import { balanceOf } from './balance.ts'
import { bestHost, fittingHosts, novaWeighers } from './nova-weighing.ts'
import type { Burst, VmRequest } from './request-trace.ts'
import { busyOf, imageScores, layerCosts } from './scores-of-nodes.ts'
import type { SimulatedCloud } from './simulated-cloud.ts'
import { NODE_RAM_GIB } from './simulated-node.ts'

/** Starts the VMs of a burst on hosts of its choice; those for which there is no room are counted as rejected. */
export type Scheduler = (cloud: SimulatedCloud, burst: Burst) => void

/** Nova as it comes: free memory, processors and disk, and few builds. */
export const nova: Scheduler = oneByOne((cloud, request) => {
  const hosts = fittingHosts(cloud, request)
  return bestHost(hosts, novaWeighers(cloud, hosts))
})

/** The rule of openstack-cache-improved, by itself. */
export const cacheImproved: Scheduler = oneByOne((cloud, request) => {
  const hosts = fittingHosts(cloud, request)
  return bestHost(hosts, [{ multiplier: 1, weights: cacheImprovedWeights(cloud, hosts, request), isNormal: true }])
})

/** The same as one more weigher of Nova's, stretched as Nova stretches those that do not say otherwise. */
export const cacheImprovedBeside: Scheduler = oneByOne((cloud, request) => {
  const hosts = fittingHosts(cloud, request)
  const weights = cacheImprovedWeights(cloud, hosts, request)
  return bestHost(hosts, [...novaWeighers(cloud, hosts), { multiplier: 1, weights }])
})

/** Hosts that have the image come first, among them those with the smaller part of all VMs; of others the emptier. */
function cacheImprovedWeights(cloud: SimulatedCloud, hosts: readonly number[], { image }: VmRequest): Float64Array {
  const chain = cloud.trace.chains[image] ?? []
  const all = cloud.nodes.reduce((sum, { vms }) => sum + vms, 0)
  return Float64Array.from(hosts, (host) => {
    const node = cloud.nodes[host]
    if (node === undefined) return 0
    const isCached = chain.every((layer) => node.readyAt(layer) !== undefined)
    return isCached ? 2 - (all === 0 ? 0 : node.vms / all) : 1 - node.usedRamGiB / NODE_RAM_GIB
  })
}

/** What `ShoalWeigher` is given; without `isBalanced` its scores count for all machines and hosts alike, as they once did. */
export interface WeigherTerms {
  readonly multiplier: number
  readonly penalty: number
  readonly isBalanced?: boolean
}

/**
 * Nova with ours beside its own weighers (infra/nova), which does not see what the same burst has started: it has
 * scores that are a second or two old, and takes off something for each build.
 */
export function perRequest({ multiplier, penalty, isBalanced = true }: WeigherTerms): Scheduler {
  return (cloud, burst) => {
    const snapshot = new Map<number, Float64Array>()
    for (const { image } of burst.vms) {
      if (!snapshot.has(image)) snapshot.set(image, imageScores(cloud, image))
    }
    oneByOne((_, request) => {
      const hosts = fittingHosts(cloud, request)
      const scores = snapshot.get(request.image)
      const factor = isBalanced ? balanceOf(cloud, hosts, request) : () => 1
      const weights = Float64Array.from(hosts, (host) => {
        const node = cloud.nodes[host]
        if (node === undefined) return 0
        return Math.max(0, (scores?.[host] ?? 0) - penalty * node.ioOps(cloud.nowSeconds)) * factor(node)
      })
      return bestHost(hosts, [...novaWeighers(cloud, hosts), { multiplier, weights, isNormal: true }])
    })(cloud, burst)
  }
}

/** `POST /v1/placement` for each burst. */
export function joint({ spread, waitShare = 0.5 }: { spread: number; waitShare?: number }): Scheduler {
  return (cloud, burst) => {
    const images = [...new Set(burst.vms.map(({ image }) => image))]
    const chains = images.map((image) => cloud.trace.chains[image] ?? [])
    const layers = [...new Set(chains.flat())]
    const numbers = new Map(layers.map((layer, number) => [layer, number]))
    const meanRam = burst.vms.reduce((sum, { flavor }) => sum + flavor.ramGiB, 0) / burst.vms.length
    const mostRam = Math.max(...burst.vms.map(({ flavor }) => flavor.ramGiB))
    const vms = images.map((wanted) => burst.vms.filter(({ image }) => image === wanted).length)
    const fullCosts = chains.map((chain) => chain.reduce((sum, layer) => sum + fullCostOf(cloud, layer), 0))
    const meanCost = fullCosts.reduce((sum, cost, image) => sum + cost * (vms[image] ?? 0), 0) / burst.vms.length
    const { groups } = placeJointly({
      vms,
      chains: chains.map((chain) => chain.map((layer) => numbers.get(layer) ?? 0)),
      costs: layers.map((layer) => layerCosts(cloud, layer)),
      slots: Int32Array.from(cloud.nodes, ({ usedRamGiB }) => Math.floor((NODE_RAM_GIB - usedRamGiB) / mostRam)),
      loads: Float64Array.from(cloud.nodes, (node) => node.usedRamGiB / meanRam + 2 * busyOf(cloud, node)),
      spreadCost: spread * meanCost,
      waitShare,
    })
    startGroups(
      cloud,
      burst,
      groups.map(({ image, ...group }) => ({ ...group, image: images[image] ?? 0 })),
    )
  }
}

/** VMs of an image are alike to the placement: the largest goes where there is the most room. */
function startGroups(
  cloud: SimulatedCloud,
  { vms }: Burst,
  groups: readonly { readonly image: number; readonly node: number; readonly vms: number }[],
): void {
  const places = new Map<number, number[]>()
  for (const { image, node, vms: count } of groups) {
    places.set(image, [...(places.get(image) ?? []), ...new Array<number>(count).fill(node)])
  }
  for (const request of vms.toSorted((a, b) => b.flavor.ramGiB - a.flavor.ramGiB)) {
    const left = places.get(request.image) ?? []
    const used = (node: number) => cloud.nodes[node]?.usedRamGiB ?? 0
    const node = left.reduce((best, other) => (used(other) < used(best) ? other : best), left[0] ?? -1)
    if (node < 0 || !(cloud.nodes[node]?.fits(request.flavor) ?? false)) {
      cloud.rejected += 1
      continue
    }
    left.splice(left.indexOf(node), 1)
    cloud.start(request, node)
  }
}

function fullCostOf(cloud: SimulatedCloud, layer: number): number {
  const { sizeBytes = 0, bootBytes = 0 } = cloud.trace.layers[layer] ?? {}
  return fullLayerCost({ sizeBytes, bootBytes })
}

function oneByOne(choose: (cloud: SimulatedCloud, request: VmRequest) => number | undefined): Scheduler {
  return (cloud, { vms }) => {
    for (const request of vms) {
      const host = choose(cloud, request)
      if (host === undefined) cloud.rejected += 1
      else cloud.start(request, host)
    }
  }
}
