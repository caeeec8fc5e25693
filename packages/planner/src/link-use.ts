import type { LinkEfficiency } from './link-rates.ts'

/**
 * What part of a link's rate comes out as payload while a node sends and receives at once: bench/swarm, 8 to 32 nodes.
 */
export const DEFAULT_EFFICIENCY = 0.85
/** The same of a link that only sends, as the seed's does: bench/swarm, where the seed is slow, 8 and 16 nodes. */
const LEAST_SEED_EFFICIENCY = 0.95
/** Until a node receives its first byte: it hears of its assignment, asks the tracker and connects. */
export const DEFAULT_START_UP_MS = 1500

/** How well links are used. */
export interface LinkUse {
  /** Of nodes and racks; more than 0, at most 1. The seed's is never less than 0.95. */
  readonly efficiency?: number | undefined
  readonly startUpMs?: number | undefined
}

/** What holds when nothing else is said. Throws a TypeError for what makes no sense. */
export function withDefaults({ efficiency = DEFAULT_EFFICIENCY, startUpMs = DEFAULT_START_UP_MS }: LinkUse): {
  readonly efficiency: LinkEfficiency
  readonly startUpMs: number
} {
  if (!(efficiency > 0 && efficiency <= 1)) throw new TypeError(`the efficiency is ${efficiency}`)
  if (!(startUpMs >= 0)) throw new TypeError(`the time until the first byte is ${startUpMs} ms`)
  return { efficiency: { node: efficiency, seed: Math.max(efficiency, LEAST_SEED_EFFICIENCY) }, startUpMs }
}
