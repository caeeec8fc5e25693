import type { Digest } from '@shoal/core'
import type { CacheEntry, CacheFacts } from './cache-entry.ts'
import type { Pin } from './pin.ts'
import type { ReplacementPolicy } from './replacement-policy.ts'

/** A layer of the cache, and what binds it. */
export interface HeldLayer extends CacheEntry {
  /** What is below it; that must stay as long as it does. */
  readonly base: Digest | null
  /** Whoever does not let it go. */
  readonly pins: readonly Pin[]
  /** It is on its way, or just read: it stays for now. */
  readonly isBusy: boolean
}

export interface Eviction {
  readonly digest: Digest
  readonly sizeBytes: number
  /** By the policy, among the others. */
  readonly value: number
}

export interface EvictionPlan {
  /** In the order in which they go. */
  readonly evictions: readonly Eviction[]
  readonly freedBytes: number
  /** What does not go, and is needed: the largest first. */
  readonly kept: readonly HeldLayer[]
}

/**
 * Which layers go so that `wantedBytes` become free, the least valuable first, a middle before its base. Frees less when what is left is pinned
 * or carries something pinned.
 */
export function planEvictions(
  layers: readonly HeldLayer[],
  wantedBytes: number,
  { policy, facts }: { policy: ReplacementPolicy; facts: CacheFacts },
): EvictionPlan {
  const ranked = layers
    .filter(({ pins, isBusy }) => pins.length === 0 && !isBusy)
    .map((layer) => ({ layer, value: policy(layer, facts) }))
    .sort((one, other) => one.value - other.value)
  const above = countAbove(layers)
  const evictions: Eviction[] = []
  let freedBytes = 0
  const gone = new Set<Digest>()
  while (freedBytes < wantedBytes) {
    const next = ranked.find(({ layer }) => !gone.has(layer.digest) && (above.get(layer.digest) ?? 0) === 0)
    if (next === undefined) break
    const { digest, sizeBytes, base } = next.layer
    gone.add(digest)
    if (base !== null) above.set(base, (above.get(base) ?? 1) - 1)
    evictions.push({ digest, sizeBytes, value: next.value })
    freedBytes += sizeBytes
  }
  const kept = layers.filter(({ digest }) => !gone.has(digest)).sort((one, other) => other.sizeBytes - one.sizeBytes)
  return { evictions, freedBytes, kept }
}

/** How many middles each base carries. */
function countAbove(layers: readonly HeldLayer[]): Map<Digest, number> {
  const above = new Map<Digest, number>()
  for (const { base } of layers) if (base !== null) above.set(base, (above.get(base) ?? 0) + 1)
  return above
}
