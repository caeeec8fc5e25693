import type { Digest } from '@shoal/core'

/** What a node or the seed has of one layer. */
export interface HeldLayer {
  readonly layer: Digest
  readonly heldBytes: number
  /** Held by a VM, a plan or the operator: never evicted. */
  readonly isPinned?: boolean | undefined
}

export interface FleetNode {
  readonly node: string
  /** None: its traffic crosses no uplink. */
  readonly rack?: string | undefined
  readonly zone?: string | undefined
  readonly aggregates?: readonly string[] | undefined
  readonly upBytesPerSecond: number
  readonly downBytesPerSecond: number
  /** What its cache may take without evicting anything. */
  readonly freeCacheBytes: number
  readonly holds: readonly HeldLayer[]
  readonly isAlive: boolean
  /** How busy it is, such as the number of its VMs; 0 when absent. */
  readonly load?: number | undefined
}

export interface FleetRack {
  readonly rack: string
  /** Into the rack. */
  readonly inBytesPerSecond: number
  /** Out of the rack. */
  readonly outBytesPerSecond: number
}

export interface FleetSeed {
  readonly upBytesPerSecond: number
  /** At which the library can be read. */
  readonly libraryBytesPerSecond: number
  readonly holds: readonly HeldLayer[]
}

/** Everything that a plan can use. The seed is in no rack. */
export interface Fleet {
  readonly nodes: readonly FleetNode[]
  /** Uplinks; that of a rack which is not named is never short. */
  readonly racks: readonly FleetRack[]
  readonly seed: FleetSeed
}

/** A layer as far as a plan needs to know it. */
export interface PlanLayer {
  readonly digest: Digest
  /** A middle's base. */
  readonly parent?: Digest | undefined
  readonly sizeBytes: number
  /** What a boot reads of it; 0 when nothing is recorded. */
  readonly bootBytes: number
  readonly pieceLengthBytes: number
}
