import { DEFAULT_PLAN_WEIGHT } from '@shoal/api'

/** What somebody wants of a layer on a node: how urgently, how long at least, and at which rate. */
export interface Claim {
  readonly priority: number
  /** ISO 8601; null: as long as it is worth it. */
  readonly pinnedUntil: string | null
  /** Order among claims of equal priority, the lowest first. */
  readonly wave: number
  /** Share among those that are equal in both. */
  readonly weight: number
  /** The most that may be received of it; 0: nothing now; null: no limit. */
  readonly limitBytesPerSecond: number | null
}

/** Who wants it: an operator, or a plan by its name. */
export type ClaimOwner = string

export const OPERATOR: ClaimOwner = 'operator'
/** Who wants the layers of what a node boots. */
export const BOOT: ClaimOwner = 'boot'
/** Who wants a layer that a node is asked to hand out as a file. */
export const FILE: ClaimOwner = 'file'
/** Who does not wait for a node to be active: a machine that runs there, or a download. */
const NEEDED_NOW: readonly ClaimOwner[] = [BOOT, FILE]

/** One layer wanted on one node, by whom and how. There is at least one claim. */
export interface ClaimedLayer {
  readonly createdAt: string
  readonly claims: Readonly<Record<ClaimOwner, Claim>>
}

export const ordinaryClaim = (priority: number, pinnedUntil: string | null): Claim => {
  return { priority, pinnedUntil, wave: 0, weight: DEFAULT_PLAN_WEIGHT, limitBytesPerSecond: null }
}

/** What holds for the node: the most urgent claim that does not rest, and the longest pin. */
export function effectiveClaim({ claims }: ClaimedLayer): Claim {
  const [first, ...others] = Object.values(claims)
  if (first === undefined) return ordinaryClaim(0, null)
  let leading = first
  let { pinnedUntil } = first
  for (const claim of others) {
    if (isAhead(claim, leading)) leading = claim
    pinnedUntil = later(pinnedUntil, claim.pinnedUntil)
  }
  return { ...leading, pinnedUntil }
}

/** As {@link effectiveClaim}, on a node that is not active: it fetches for those alone that cannot wait, and rests otherwise. */
export function restingClaim({ createdAt, claims }: ClaimedLayer): Claim {
  const needed = Object.entries(claims).filter(([owner]) => NEEDED_NOW.includes(owner))
  if (needed.length === 0) return { ...effectiveClaim({ createdAt, claims }), limitBytesPerSecond: 0 }
  const { pinnedUntil } = effectiveClaim({ createdAt, claims })
  return { ...effectiveClaim({ createdAt, claims: Object.fromEntries(needed) }), pinnedUntil }
}

export function isSameClaim(one: Claim | undefined, other: Claim): boolean {
  return (
    one !== undefined &&
    one.priority === other.priority &&
    one.pinnedUntil === other.pinnedUntil &&
    one.wave === other.wave &&
    one.weight === other.weight &&
    one.limitBytesPerSecond === other.limitBytesPerSecond
  )
}

/** The later of two times; null is none. */
export function later(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other
  return Date.parse(one) > Date.parse(other) ? one : other
}

function isAhead(one: Claim, other: Claim): boolean {
  const [rests, otherRests] = [one.limitBytesPerSecond === 0, other.limitBytesPerSecond === 0]
  if (rests !== otherRests) return otherRests
  if (one.priority !== other.priority) return one.priority > other.priority
  return one.wave < other.wave
}
