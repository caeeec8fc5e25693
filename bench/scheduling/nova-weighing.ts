import type { VmRequest } from './request-trace.ts'
import type { SimulatedCloud } from './simulated-cloud.ts'
import { NODE_DISK_GIB, NODE_RAM_GIB, NODE_VCPUS } from './simulated-node.ts'

/** One of Nova's weighers: what it says of each host, which Nova stretches from 0 to 1 unless it says otherwise. */
export interface Weigher {
  readonly multiplier: number
  readonly weights: Float64Array
  readonly isNormal?: boolean
}

/** The hosts that pass Nova's filters. */
export function fittingHosts(cloud: SimulatedCloud, { flavor }: VmRequest): number[] {
  return [...cloud.nodes.keys()].filter((node) => cloud.nodes[node]?.fits(flavor) ?? false)
}

/** Those of Nova's default weighers that say something here, with their default multipliers. */
export function novaWeighers(cloud: SimulatedCloud, hosts: readonly number[]): Weigher[] {
  const weights = (of: (node: SimulatedCloud['nodes'][number]) => number) =>
    Float64Array.from(hosts, (host) => {
      const node = cloud.nodes[host]
      return node === undefined ? 0 : of(node)
    })
  return [
    { multiplier: 1, weights: weights(({ usedRamGiB }) => NODE_RAM_GIB - usedRamGiB) },
    { multiplier: 1, weights: weights(({ usedVcpus }) => NODE_VCPUS - usedVcpus) },
    { multiplier: 1, weights: weights(({ usedDiskGiB }) => NODE_DISK_GIB - usedDiskGiB) },
    { multiplier: -1, weights: weights((node) => node.ioOps(cloud.nowSeconds)) },
  ]
}

/** The host of the greatest sum of weights; Nova takes the first of equals (`shuffle_best_same_weighed_hosts` is off). */
export function bestHost(hosts: readonly number[], weighers: readonly Weigher[]): number | undefined {
  const sums = new Float64Array(hosts.length)
  for (const { multiplier, weights, isNormal = false } of weighers) {
    let [least, most] = [0, 1]
    if (!isNormal) {
      least = Number.POSITIVE_INFINITY
      most = Number.NEGATIVE_INFINITY
      for (const weight of weights) {
        least = Math.min(least, weight)
        most = Math.max(most, weight)
      }
    }
    // Nova gives all 0 when they are equal.
    const range = most - least
    if (range === 0) continue
    for (let host = 0; host < sums.length; host += 1) {
      sums[host] = (sums[host] ?? 0) + multiplier * (((weights[host] ?? 0) - least) / range)
    }
  }
  let best: number | undefined
  let bestSum = Number.NEGATIVE_INFINITY
  for (const [index, host] of hosts.entries()) {
    if ((sums[index] ?? 0) <= bestSum) continue
    bestSum = sums[index] ?? 0
    best = host
  }
  return best
}
