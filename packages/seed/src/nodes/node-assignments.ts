import type { Digest } from '@shoal/core'
import { type Claim, type ClaimedLayer, type ClaimOwner, OPERATOR, ordinaryClaim } from './claims.ts'

/** What is wanted on one node, and what is not wanted there any more. */
export interface NodeAssignments {
  readonly layers: Readonly<Record<string, ClaimedLayer>>
  /** Layers that it is to remove, unless it needs them itself. */
  readonly dropped: readonly Digest[]
}

export const NOTHING_ASSIGNED: NodeAssignments = { layers: {}, dropped: [] }

/** With an owner's claims laid or changed; `createdAt` is that of assignments that are new. */
export function withClaims(
  { layers, dropped }: NodeAssignments,
  owner: ClaimOwner,
  { claims, createdAt: now }: { claims: Iterable<readonly [Digest, Claim]>; createdAt: string },
): NodeAssignments {
  const after = { ...layers }
  for (const [layer, claim] of claims) {
    const { createdAt = now, claims: before = {} } = layers[layer] ?? {}
    after[layer] = { createdAt, claims: { ...before, [owner]: claim } }
  }
  return { layers: after, dropped: dropped.filter((layer) => after[layer] === undefined) }
}

/** Without an owner's claims on some layers; what nobody else wants is gone, and is to be removed if it `drops` that. */
export function withoutClaims(
  { layers, dropped }: NodeAssignments,
  owner: ClaimOwner,
  { released, drops }: { released: Iterable<Digest>; drops: boolean },
): NodeAssignments {
  const after = { ...layers }
  const gone: Digest[] = []
  for (const layer of released) {
    const claimed = layers[layer]
    if (claimed === undefined) continue
    const { [owner]: _, ...claims } = claimed.claims
    if (Object.keys(claims).length > 0) after[layer] = { ...claimed, claims }
    else {
      delete after[layer]
      gone.push(layer)
    }
  }
  return { layers: after, dropped: drops ? [...new Set([...dropped, ...gone])] : dropped }
}

/** Without some layers, whoever wants them. */
export function withoutLayers({ layers, dropped }: NodeAssignments, gone: ReadonlySet<string>): NodeAssignments {
  return { layers: Object.fromEntries(Object.entries(layers).filter(([layer]) => !gone.has(layer))), dropped }
}

/** A record as an earlier version may have written it: without claims, what is in it was an operator's. */
export interface StoredAssignments {
  readonly layers: Readonly<Record<string, ClaimedLayer | OldLayer>>
  readonly dropped?: readonly Digest[]
}

export function readAssignments({ layers, dropped = [] }: StoredAssignments): NodeAssignments {
  const read = Object.entries(layers).map(([layer, record]): [string, ClaimedLayer] => {
    if ('claims' in record) return [layer, record]
    const { createdAt, priority, pinnedUntil = null } = record
    return [layer, { createdAt, claims: { [OPERATOR]: ordinaryClaim(priority, pinnedUntil) } }]
  })
  return { layers: Object.fromEntries(read), dropped }
}

interface OldLayer {
  readonly createdAt: string
  readonly priority: number
  readonly pinnedUntil?: string | null
}
