import { type Digest, seededRandom } from '@shoal/core'
import type { DemandTarget, FleetNode, PlanLayer, PlannerInput } from '@shoal/planner'

const GIB = 1024 ** 3
const MIB = 1024 ** 2
/** 10 GbE and a rack's uplink of 40 GbE, in bytes per second. */
const NODE_RATE = 1.25e9
const UPLINK_RATE = 5e9
const NODES_A_RACK = 40
const RACKS_A_ZONE = 25
const BASES = 10

/**
 * What makes a fleet hard to plan: VMs that go to different nodes each, or nodes of which no two have the same link.
 */
export const FLEET_KINDS = ['alike', 'vms', 'rates'] as const
export type FleetKind = (typeof FLEET_KINDS)[number]

export function isFleetKind(name: string): name is FleetKind {
  return FLEET_KINDS.some((kind) => kind === name)
}

export interface FleetSize {
  readonly nodes: number
  /** Each a middle over one of ten bases. */
  readonly images: number
}

/** Every image on every node, of which a tenth has half of the layers; the same for the same arguments. */
export function createPlannerInput({ nodes, images }: FleetSize, kind: FleetKind = 'alike'): PlannerInput {
  const random = seededRandom(nodes)
  const bases = Array.from({ length: Math.min(BASES, images) }, (_, index) => layer(index, undefined, random))
  const middles = Array.from({ length: images }, (_, index) =>
    layer(bases.length + index, bases[index % bases.length]?.digest, random),
  )
  const layers = [...bases, ...middles]
  const rateOf = () => (kind === 'rates' ? NODE_RATE * (0.5 + random()) : NODE_RATE)
  return {
    nowMs: Date.UTC(2026, 0, 1),
    fleet: {
      nodes: Array.from({ length: nodes }, (_, index) => node(index, { layers, random, rate: rateOf() })),
      racks: Array.from({ length: Math.ceil(nodes / NODES_A_RACK) }, (_, rack) => ({
        rack: `rack${rack}`,
        inBytesPerSecond: UPLINK_RATE,
        outBytesPerSecond: UPLINK_RATE,
      })),
      seed: {
        upBytesPerSecond: NODE_RATE,
        libraryBytesPerSecond: NODE_RATE / 2,
        holds: bases.map(({ digest, sizeBytes }) => ({ layer: digest, heldBytes: sizeBytes })),
      },
    },
    layers,
    demands: middles.map(({ digest, parent }, index) => ({
      id: `image${index}`,
      chain: parent === undefined ? [digest] : [parent, digest],
      target: targetOf(kind, nodes, index),
      priority: index % 3 === 0 ? 90 : 50,
      deadlineMs: Date.UTC(2026, 0, 2),
    })),
  }
}

/** VMs for a tenth to nine tenths of the nodes, at two a node. */
function targetOf(kind: FleetKind, nodes: number, image: number): DemandTarget {
  if (kind !== 'vms') return { kind: 'within', filter: {} }
  return { kind: 'vms', vms: Math.ceil((nodes * 2 * (1 + (image % 9))) / 10), vmsPerNode: 2 }
}

function layer(number: number, parent: Digest | undefined, random: () => number): PlanLayer {
  return {
    digest: `sha256:${number.toString(16).padStart(64, '0')}`,
    parent,
    sizeBytes: Math.ceil((0.25 + random()) * GIB),
    bootBytes: 100 * MIB,
    pieceLengthBytes: MIB / 4,
  }
}

function node(
  index: number,
  { layers, random, rate }: { layers: readonly PlanLayer[]; random: () => number; rate: number },
): FleetNode {
  const rack = Math.floor(index / NODES_A_RACK)
  const has = random() < 0.1 ? layers.filter(() => random() < 0.5) : []
  return {
    node: `node${index}`,
    rack: `rack${rack}`,
    zone: `zone${Math.floor(rack / RACKS_A_ZONE)}`,
    upBytesPerSecond: rate,
    downBytesPerSecond: rate,
    freeCacheBytes: 1000 * GIB,
    holds: has.map(({ digest, sizeBytes }) => ({ layer: digest, heldBytes: sizeBytes })),
    isAlive: true,
    load: Math.floor(random() * 20),
  }
}

/** One image without a middle, wanted by all of a fleet that has nothing of it; the seed has it. */
export function createFlashInput({ nodes, sizeBytes }: { nodes: number; sizeBytes: number }): PlannerInput {
  const empty = createPlannerInput({ nodes, images: 1 })
  const image = { ...layer(0, undefined, () => 0), sizeBytes }
  return {
    ...empty,
    fleet: {
      ...empty.fleet,
      nodes: empty.fleet.nodes.map((one) => ({ ...one, holds: [] })),
      seed: { ...empty.fleet.seed, holds: [{ layer: image.digest, heldBytes: sizeBytes }] },
    },
    layers: [image],
    demands: [{ id: 'image', chain: [image.digest], target: { kind: 'within', filter: {} }, priority: 50 }],
  }
}
