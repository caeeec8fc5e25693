import type { LabPlan } from '../../infra/lab/lab-plan.ts'
import { labPlanOf, type SwarmSetup } from '../swarm/swarm-setup.ts'

const MIB = 1024 ** 2
const MB = 1e6
const MBIT_PER_MB = 8

/** How large a lab is and what its links carry, each way and with all headers. */
export interface PrefetchSize {
  readonly nodes: number
  readonly racks: number
  readonly mib: number
  /** Of a node's link, and of the seed's. */
  readonly rateMBPerSecond: number
  /** Of the library's link. */
  readonly libraryMBPerSecond: number
  /** The limit on reading the library, in payload. */
  readonly ingestMBPerSecond: number
  /** Windows in which that limit is looked at. */
  readonly ingestWindowSeconds: number
}

/** Nodes `node1`... in racks behind uplinks of half of what their nodes' links carry together; the seed is in none. */
export function createPrefetchSetup({ nodes, racks, mib, rateMBPerSecond }: PrefetchSize): SwarmSetup {
  const bytesPerSecond = rateMBPerSecond * MB
  return {
    case: 'racks',
    sizeBytes: mib * MIB,
    seedBytesPerSecond: bytesPerSecond,
    uplinkBytesPerSecond: (bytesPerSecond * nodes) / racks / 2,
    peers: Array.from({ length: nodes }, (_, index) => {
      return { node: `node${index + 1}`, bytesPerSecond, rack: `rack${(index % racks) + 1}` }
    }),
  }
}

/** The same with a host for the library. */
export function prefetchLabPlan(setup: SwarmSetup, { libraryMBPerSecond }: PrefetchSize): LabPlan {
  const plan = labPlanOf(setup)
  const library = { name: 'library', rateMbit: libraryMBPerSecond * MBIT_PER_MB }
  return { ...plan, prefix: 'prefetch', core: [...(plan.core ?? []), library] }
}
