import type { Digest } from '@shoal/core'
import type { Demand } from './demand.ts'
import type { Fleet, PlanLayer } from './fleet.ts'
import type { FluidBound } from './fluid-bound.ts'
import type { PlanLimits } from './plan-limits.ts'
import type { Unmet } from './unmet.ts'

/** What a plan is made from. Equal input gives an equal plan. */
export interface PlannerInput {
  /** Unix time in milliseconds at which the plan begins. */
  readonly nowMs: number
  readonly fleet: Fleet
  readonly layers: readonly PlanLayer[]
  readonly demands: readonly Demand[]
  readonly limits?: PlanLimits | undefined
}

/** One layer wanted on one node. Node and layer name it: a plan has no two with the same. */
export interface Assignment {
  readonly node: string
  readonly layer: Digest
  readonly priority: number
  /** In which all that is not fetched in the boot wave is fetched. */
  readonly wave: number
  readonly notBeforeMs: number | undefined
  readonly deadlineMs: number | undefined
  /** Until the plan is given up when undefined. */
  readonly pinnedUntilMs: number | undefined
  /** Whether what a boot reads of it is fetched in the boot wave, before anything else. */
  readonly bootFirst: boolean
}

/** Wave 0 has the boot bytes of all nodes; the rest follows in those from 1 on. */
export interface Wave {
  readonly wave: number
  readonly kind: 'boot' | 'rest'
  readonly layers: readonly Digest[]
  readonly nodes: number
  readonly bytes: number
  /** When links first have room for it. Undefined: never, or nothing has to move. */
  readonly opensMs: number | undefined
  /** When its last node is done. Undefined: never. */
  readonly endsMs: number | undefined
}

/** VMs of a demand that gave only their number, on a node that was chosen for them. */
export interface Placement {
  readonly demand: string
  readonly node: string
  readonly vms: number
}

export interface Eviction {
  readonly node: string
  readonly bytes: number
}

/** Bytes by what they cross. */
export interface LinkBytes {
  readonly libraryToSeed: number
  readonly seedToNode: number
  readonly inRack: number
  /** From nodes of one rack to nodes of another. */
  readonly crossRack: number
}

/** When a node has all that it lacks. Undefined: never, as things are. */
export interface NodeFinish {
  readonly node: string
  readonly finishMs: number | undefined
}

export interface Prediction {
  readonly nodes: readonly NodeFinish[]
  /** The last node's. */
  readonly finishMs: number | undefined
  readonly bytes: LinkBytes
}

export interface Plan {
  readonly assignments: readonly Assignment[]
  readonly waves: readonly Wave[]
  readonly placements: readonly Placement[]
  readonly evictions: readonly Eviction[]
  readonly predicted: Prediction
  /** Which no schedule can beat, beside what is predicted. */
  readonly fluidBound: FluidBound
  readonly unmet: readonly Unmet[]
}
