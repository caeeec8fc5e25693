import { seededRandom } from '@shoal/core'
import { type PlacementProblem, placeJointly } from '@shoal/scheduler'
import { balanceOf } from './balance.ts'
import { MULTIPLIER, round } from './measure-trace.ts'
import { bestHost, fittingHosts, novaWeighers } from './nova-weighing.ts'
import { createTrace } from './request-trace.ts'
import { nova } from './schedulers.ts'
import { imageScores } from './scores-of-nodes.ts'
import { SimulatedCloud } from './simulated-cloud.ts'

const HOSTS = 1000
const TURNS = 200
const JOINT_RUNS = 5

/** Milliseconds of a processor to score and weigh 1,000 hosts for one request, from what their caches hold, on average. */
export function measureWeighing(): number {
  const trace = createTrace({ requests: 2000, images: 120, seed: 1 })
  const cloud = new SimulatedCloud(trace, { nodes: HOSTS, nodesPerRack: 25, cacheGiB: 8 })
  for (const burst of trace.bursts) {
    cloud.advance(burst.atSeconds)
    nova(cloud, burst)
  }
  const requests = trace.bursts.flatMap(({ vms }) => vms).slice(0, TURNS)
  const before = process.threadCpuUsage()
  for (const request of requests) {
    const scores = imageScores(cloud, request.image)
    const hosts = fittingHosts(cloud, request)
    const factor = balanceOf(cloud, hosts, request)
    const weights = Float64Array.from(hosts, (host) => {
      const node = cloud.nodes[host]
      return node === undefined ? 0 : (scores[host] ?? 0) * factor(node)
    })
    bestHost(hosts, [...novaWeighers(cloud, hosts), { multiplier: MULTIPLIER, weights, isNormal: true }])
  }
  const { user, system } = process.threadCpuUsage(before)
  return round((user + system) / 1000 / requests.length, 3)
}

export interface JointRow {
  readonly vms: number
  readonly images: number
  readonly nodes: number
  readonly seconds: number
  /** Of the slowest run. */
  readonly most: number
  /** Of a processor, on average. */
  readonly cpuSeconds: number
  /** Cost over what no placement can beat. */
  readonly costOverBound: number
}

/** Seconds to place many VMs jointly, wall time: the least of some runs, since it is work of one thread that others can only delay. */
export function measureJoint({ vms, images, nodes }: { vms: number; images: number; nodes: number }): JointRow {
  const problem = createProblem({ vms, images, nodes })
  const seconds: number[] = []
  let costOverBound = Number.NaN
  const before = process.threadCpuUsage()
  for (let run = 0; run < JOINT_RUNS; run += 1) {
    const begin = performance.now()
    const { cost, lowerBound } = placeJointly(problem)
    seconds.push((performance.now() - begin) / 1000)
    costOverBound = cost / lowerBound
  }
  const { user, system } = process.threadCpuUsage(before)
  const cpuSeconds = round((user + system) / 1e6 / JOINT_RUNS, 3)
  const [least, most] = [Math.min(...seconds), Math.max(...seconds)]
  return {
    ...{ vms, images, nodes, cpuSeconds, costOverBound: round(costOverBound, 4) },
    ...{ seconds: round(least, 3), most: round(most, 3) },
  }
}

/** Middles over bases; a tenth to a half of the hosts has each layer, some have a part, all have some VMs. */
function createProblem({ vms, images, nodes }: { vms: number; images: number; nodes: number }): PlacementProblem {
  const random = seededRandom(7)
  const bases = Math.ceil(images / 5)
  const costs = Array.from({ length: bases + images }, (_, layer) => {
    const sizeBytes = layer < bases ? 700e6 : 100e6 + random() * 500e6
    const heldBy = 0.1 + random() * 0.4
    return Float64Array.from({ length: nodes }, () => {
      return random() < heldBy ? 0 : Math.round(sizeBytes * (random() < 0.1 ? random() : 1))
    })
  })
  return {
    vms: Array.from({ length: images }, (_, image) => {
      return Math.floor(((image + 1) * vms) / images) - Math.floor((image * vms) / images)
    }),
    chains: Array.from({ length: images }, (_, image) => [image % bases, bases + image]),
    costs,
    slots: Int32Array.from({ length: nodes }, () => 1 + Math.floor(random() * 8)),
    loads: Float64Array.from({ length: nodes }, () => Math.floor(random() * 5)),
    spreadCost: 500e6,
    waitShare: 0.5,
  }
}
