import type { LabPlan } from '../../infra/lab/lab-plan.ts'
import { labPlanOf, type SwarmSetup } from '../swarm/swarm-setup.ts'

const MB = 1e6
const MBIT_PER_MB = 8

/** Nodes that boot at once, what they boot, and what links carry, each way and with all headers. */
export interface BootCase {
  readonly guest: 'light' | 'debian'
  /** Files of the light guest's base; half as many come with the middle. Absent: as the guest is built. */
  readonly lightMib?: number
  /**
   * Whether the Debian guest is started by its own boot loader. Absent: its kernel is given to QEMU, which takes two
   * thirds of the CPU time.
   */
  readonly isStartedByGrub?: boolean
  readonly nodes: number
  readonly racks: number
  /** Of a node's link. */
  readonly rateMBPerSecond: number
  /** Of each rack's uplink; absent: no limit. */
  readonly uplinkMBPerSecond?: number
  /** Of the library's link, and of the seed's: whoever gives an image to all has the same. */
  readonly libraryMBPerSecond: number
  /** The library: Keystone and Glance as Debian packages them, or `shoal library serve`, which is up in a second. */
  readonly library: 'glance' | 'embedded'
}

/** Nodes `node1`... in racks; seed and library are in none. */
export function bootSetup(
  { nodes, racks, rateMBPerSecond, uplinkMBPerSecond, libraryMBPerSecond }: BootCase,
  sizeBytes: number,
): SwarmSetup {
  const bytesPerSecond = rateMBPerSecond * MB
  return {
    ...{ case: 'racks', sizeBytes, seedBytesPerSecond: libraryMBPerSecond * MB },
    uplinkBytesPerSecond: uplinkMBPerSecond === undefined ? undefined : uplinkMBPerSecond * MB,
    peers: Array.from({ length: nodes }, (_, index) => {
      return { node: `node${index + 1}`, bytesPerSecond, rack: `rack${(index % racks) + 1}` }
    }),
  }
}

/** The same with a host for the library. */
export function bootLabPlan(setup: SwarmSetup, { libraryMBPerSecond }: BootCase): LabPlan {
  const plan = labPlanOf(setup)
  const library = { name: 'library', rateMbit: libraryMBPerSecond * MBIT_PER_MB }
  return { ...plan, prefix: 'boot', core: [...(plan.core ?? []), library] }
}
