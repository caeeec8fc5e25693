import { cacheError } from './errors.ts'
import { age } from './policies/age.ts'
import { fifo } from './policies/fifo.ts'
import { gdsf } from './policies/gdsf.ts'
import { lfu } from './policies/lfu.ts'
import { lru } from './policies/lru.ts'
import { lruK } from './policies/lru-k.ts'
import { popularity } from './policies/popularity.ts'
import { survival } from './policies/survival.ts'
import { worth } from './policies/worth.ts'
import type { ReplacementPolicy } from './replacement-policy.ts'

/** Replacement policies by the name that the configuration gives them. */
export const policies = {
  worth,
  age,
  lru,
  'lru-k': lruK,
  lfu,
  popularity,
  gdsf,
  survival,
  fifo,
} as const satisfies Record<string, ReplacementPolicy>

export type PolicyName = keyof typeof policies
export const POLICY_NAMES = Object.keys(policies) as PolicyName[]

/** Throws `SHOAL_CACHE_POLICY_UNKNOWN`. */
export function parsePolicyName(name: string): PolicyName {
  if (Object.hasOwn(policies, name)) return name as PolicyName
  throw cacheError('SHOAL_CACHE_POLICY_UNKNOWN', { name, names: POLICY_NAMES.join(', ') })
}

/** Throws `SHOAL_CACHE_POLICY_UNKNOWN`. */
export function findPolicy(name: string): ReplacementPolicy {
  return policies[parsePolicyName(name)]
}
