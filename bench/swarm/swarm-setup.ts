import type { LabHostPlan, LabPlan } from '../../infra/lab/lab-plan.ts'
import { type FluidLinks, fluidBoundSeconds } from './fluid-bound.ts'

export const SWARM_CASES = ['flat', 'slow-seed', 'racks'] as const
export type SwarmCase = (typeof SWARM_CASES)[number]

const MBIT_PER_BYTES = 8 / 1e6
const RACKS = 4
/** A rack's uplink, and the slow seed's link, over the rate of a node. */
const UPLINK_OVER_NODE = 2
const SLOW_SEED_OVER_NODE = 0.5

/** A swarm on links of chosen rates, each way; rates are of the wire, with all headers. */
export interface SwarmSetup {
  readonly case: SwarmCase
  readonly sizeBytes: number
  readonly seedBytesPerSecond: number
  readonly uplinkBytesPerSecond: number | undefined
  readonly peers: readonly SwarmPeerSetup[]
}

export interface SwarmPeerSetup {
  readonly node: string
  readonly bytesPerSecond: number
  readonly rack: string | undefined
}

export function createSwarmSetup(options: {
  case: SwarmCase
  nodes: number
  sizeBytes: number
  bytesPerSecond: number
}): SwarmSetup {
  const { case: name, nodes, sizeBytes, bytesPerSecond } = options
  const hasRacks = name === 'racks'
  return {
    case: name,
    sizeBytes,
    seedBytesPerSecond: bytesPerSecond * (name === 'slow-seed' ? SLOW_SEED_OVER_NODE : 1),
    uplinkBytesPerSecond: hasRacks ? bytesPerSecond * UPLINK_OVER_NODE : undefined,
    peers: Array.from({ length: nodes }, (_, index) => {
      return { node: `peer${index}`, bytesPerSecond, rack: hasRacks ? `rack${index % RACKS}` : undefined }
    }),
  }
}

/** The racks that peers are in, in the order in which the lab numbers them. */
export function racksOf({ peers }: SwarmSetup): string[] {
  return [...new Set(peers.flatMap(({ rack }) => (rack === undefined ? [] : [rack])))]
}

export function labPlanOf(setup: SwarmSetup): LabPlan {
  const host = ({ node, bytesPerSecond }: { node: string; bytesPerSecond: number }): LabHostPlan => {
    return { name: node, rateMbit: bytesPerSecond * MBIT_PER_BYTES }
  }
  const { uplinkBytesPerSecond: uplink } = setup
  return {
    prefix: 'swarm',
    core: [
      host({ node: 'seed', bytesPerSecond: setup.seedBytesPerSecond }),
      ...setup.peers.filter(({ rack }) => rack === undefined).map(host),
    ],
    racks: racksOf(setup).map((name) => ({
      name,
      zone: 'zone',
      nodes: setup.peers.filter(({ rack }) => rack === name).map(host),
      ...(uplink === undefined ? {} : { uplinkMbit: uplink * MBIT_PER_BYTES }),
    })),
  }
}

/** The bound when `goodput` of each link's bytes are payload, for these peers alone or for all. */
export function boundSecondsOf(setup: SwarmSetup, goodput: number, peers = setup.peers): number {
  return fluidBoundSeconds(setup.sizeBytes, fluidLinksOf(setup, goodput, peers))
}

export function fluidLinksOf(setup: SwarmSetup, goodput: number, peers = setup.peers): FluidLinks {
  const { uplinkBytesPerSecond: uplink } = setup
  return {
    seedUp: setup.seedBytesPerSecond * goodput,
    peers: peers.map(({ bytesPerSecond }) => ({ up: bytesPerSecond * goodput, down: bytesPerSecond * goodput })),
    uplinks: uplink === undefined ? [] : racksOf(setup).map(() => uplink * goodput),
  }
}
