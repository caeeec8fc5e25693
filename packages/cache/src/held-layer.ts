import type { Digest } from '@shoal/core'
import type { CacheEntry } from './cache-entry.ts'
import type { Pin } from './pin.ts'

/** A layer of the cache, and what binds it. */
export interface HeldLayer extends CacheEntry {
  /** What is below it. That stays as long as this does, unless this is a remnant. */
  readonly base: Digest | null
  /** Whoever does not let it go. */
  readonly pins: readonly Pin[]
  /** It is on its way, or needed right now: it stays for the moment. */
  readonly isBusy: boolean
  /** Bytes that a boot reads of it, wherever they are in its file; 0 when that is not known. */
  readonly bootBytes: number
  /** No more than those is left of it. */
  readonly isRemnant: boolean
}

/** Whether it may not go now. */
export function isHeldBack({ pins, isBusy }: HeldLayer): boolean {
  return isBusy || pins.length > 0
}

/** Whether what is below it stays for its sake. */
export function needsBase(layer: HeldLayer): boolean {
  return !layer.isRemnant || isHeldBack(layer)
}

/** Whether no other node holds it. A remnant is no copy. */
export function isLastCopy({ isRemnant, replicas: { rack, zone, elsewhere } }: HeldLayer): boolean {
  return !isRemnant && rack + zone + elsewhere === 0
}
