import type { ShoalError } from '@shoal/core'
import type { CacheView } from './cache-view.ts'
import { cacheError } from './errors.ts'
import type { EvictionPlan } from './eviction.ts'
import { whoHolds } from './who-holds.ts'

/** How many of those that hold the space an error names. */
const NAMED = 5

/** `SHOAL_CACHE_FULL`, with those that hold most of what may not go. */
export function fullError(what: string, neededBytes: number, view: CacheView, plan: EvictionPlan): ShoalError {
  const { limitBytes, takenBytes } = view
  const keptBytes = takenBytes - plan.freedBytes
  return cacheError('SHOAL_CACHE_FULL', { what, neededBytes, limitBytes, keptBytes, keptBy: keptBy(view, plan) })
}

function keptBy({ held, others, promised, occupied }: CacheView, { kept }: EvictionPlan): string {
  const bytes = new Map<string, number>()
  const add = (holder: string, more: number) => {
    if (more > 0) bytes.set(holder, (bytes.get(holder) ?? 0) + more)
  }
  const holders = whoHolds(held)
  for (const { digest, sizeBytes } of kept) for (const holder of holders.get(digest) ?? []) add(holder, sizeBytes)
  for (const { name, allocatedBytes } of others) add(name, allocatedBytes)
  for (const [name, promisedBytes] of promised) {
    add(`${name}, which is on its way`, promisedBytes - (occupied.get(name) ?? 0))
  }
  const largest = [...bytes].sort(([, one], [, other]) => other - one).slice(0, NAMED)
  return largest.map(([holder, held]) => `${holder}: ${held} bytes`).join('; ')
}
