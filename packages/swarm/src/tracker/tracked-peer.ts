import type { Expiring } from './expiry-wheel.ts'
import type { HandOutPeer } from './hand-out.ts'
import type { TrackedSwarm } from './tracked-swarm.ts'

/** One announce, as the table takes it. */
export interface Announce {
  readonly event: 'started' | 'update' | 'completed' | 'stopped'
  /** `host:port` under which the peer is kept: the one it registered, or the one it announced. */
  readonly address: string
  /** Host that the announce came from, and whether it is the one of the address. */
  readonly source: string
  readonly isFromAddress: boolean
  /** What is handed out: 6 bytes for IPv4, 18 for IPv6 (BEP 23, BEP 7). */
  readonly compact: Uint8Array
  /** Whether it is a node that we know. Others keep to no interval of ours. */
  readonly isNode: boolean
  /** Whether it is the swarm's source of last resort. */
  readonly isOrigin: boolean
  /** Whether anybody is told of it. */
  readonly isSource: boolean
  readonly zone: string
  readonly rack: string
  /** What is still to fetch, in KiB; 0 when complete. */
  readonly leftKib: number
  /** Peers asked for. */
  readonly wanted: number
}

/** A peer of one swarm. */
export interface TrackedPeer extends HandOutPeer, Expiring {
  readonly swarm: TrackedSwarm
  readonly address: string
  readonly isNode: boolean
  readonly isOrigin: boolean
  readonly isSource: boolean
  /** Who announces it: others may not while it is there. */
  source: string
  compact: Uint8Array
  isComplete: boolean
  readonly near: TrackedPeer[]
  readonly far: TrackedPeer[]
  leftKib: number
  /** When what is left became less, or new neighbours were given because it did not. */
  movedAtMs: number
}
