import type { DenseSet } from './dense-set.ts'
import type { PeerPool, Place } from './peer-pool.ts'

/** What the policy sees of a peer. Its neighbours are those it was told of and those that were told of it. */
export interface HandOutPeer extends Place {
  readonly isComplete: boolean
  /** Neighbours in its own rack. */
  readonly near: readonly HandOutPeer[]
  /** Neighbours in other racks. */
  readonly far: readonly HandOutPeer[]
}

export interface HandOutPools<P extends HandOutPeer> {
  readonly incomplete: PeerPool<P>
  readonly complete: PeerPool<P>
}

/** Degrees of the graph that the answers make, in peers. */
export const HAND_OUT = {
  /** Peers in one answer at most. */
  maxAnswer: 50,
  /**
   * Nobody gets more neighbours in its rack, or in others. An asker's own share is below half of it: later askers choose it about as
   * often as it chose, so that there is always room for a newcomer.
   */
  maxNear: 48,
  maxFar: 40,
  /** Up to so many peers everybody knows everybody, whatever the racks. */
  smallSwarm: 24,
  /** Up to so many in a rack, all of the rack know one another. */
  rackMesh: 40,
  /** What an asker gets at least in a larger rack, in other racks, and in all. */
  nearFill: 16,
  farFill: 8,
  totalFill: 16,
} as const

/** Of random picks one in so many is a complete peer: it gives, but two incomplete ones exchange. */
const ONE_COMPLETE_IN = 4
/** Picks that meet somebody unsuitable are repeated, so often for each peer that is wanted. */
const TRIES = 4

/**
 * Chooses the neighbours that an asker gets beside those it has, at most `room`: its own rack first, then other racks, half of them in
 * its own zone; of two random candidates the one with fewer neighbours ("the power of two choices", Mitzenmacher 2001).
 * Costs a number of steps that depends on the fills, never on the size of the swarm. Changes nothing.
 */
export function handOut<P extends HandOutPeer>(
  asker: P,
  pools: HandOutPools<P>,
  options: { readonly room: number; readonly random: () => number; readonly except?: Iterable<P> },
): P[] {
  const { room, random } = options
  const { incomplete, complete } = pools
  const sources = asker.isComplete ? [incomplete] : [incomplete, complete]
  const chosen: P[] = []
  const refused = new Set<HandOutPeer>([asker, ...asker.near, ...asker.far, ...(options.except ?? [])])
  let near = asker.near.length
  let far = asker.far.length

  const take = (peer: P | undefined): boolean => {
    if (peer === undefined || chosen.length >= room || refused.has(peer)) return false
    const isNear = isSameRack(peer, asker)
    if (
      isNear ? Math.max(near, peer.near.length) >= HAND_OUT.maxNear : Math.max(far, peer.far.length) >= HAND_OUT.maxFar
    )
      return false
    if (isNear) near += 1
    else far += 1
    refused.add(peer)
    chosen.push(peer)
    return true
  }
  /** Takes up to `want` from the sets that `candidates` gives turn by turn; says how many. */
  const takeSome = (
    want: number,
    candidates: (turn: number) => DenseSet<P> | undefined,
    fits: (peer: P) => boolean,
  ) => {
    let taken = 0
    for (let turn = 0; turn < want * TRIES && taken < want; turn++) {
      const set = candidates(turn)
      const pair = [set?.pick(random), set?.pick(random)].filter((peer) => peer !== undefined && fits(peer))
      if (pair.sort(byDegree).some(take)) taken += 1
    }
    return taken
  }
  /** Takes up to `want` with the usual share of complete ones, or what there is. */
  const takeMixed = (
    want: number,
    candidates: (pool: PeerPool<P>, turn: number) => DenseSet<P> | undefined,
    fits: (peer: P) => boolean = () => true,
  ) => {
    const share = asker.isComplete ? 0 : Math.ceil(want / ONE_COMPLETE_IN)
    let left = want - takeSome(want - share, (turn) => candidates(incomplete, turn), fits)
    if (!asker.isComplete) left -= takeSome(left, (turn) => candidates(complete, turn), fits)
    takeSome(left, (turn) => candidates(incomplete, turn), fits)
  }

  if (sum(sources, (pool) => pool.all.size) <= HAND_OUT.smallSwarm) {
    for (const pool of sources) for (const peer of pool.all) take(peer)
    return chosen
  }
  if (sum(sources, (pool) => pool.rack(asker)?.size ?? 0) <= HAND_OUT.rackMesh) {
    for (const pool of sources) for (const peer of pool.rack(asker) ?? []) take(peer)
  } else {
    takeMixed(HAND_OUT.nearFill - near, (pool) => pool.rack(asker))
  }
  takeMixed(
    Math.max(HAND_OUT.farFill - far, HAND_OUT.totalFill - near - far),
    (pool, turn) => (turn % 2 === 0 ? pool.zone(asker) : undefined) ?? pool.all,
    (peer) => !isSameRack(peer, asker),
  )
  return chosen
}

/** Whether two peers are near each other. */
export function isSameRack(one: Place, other: Place): boolean {
  return one.rack === other.rack && one.zone === other.zone
}

function byDegree(one: HandOutPeer | undefined, other: HandOutPeer | undefined): number {
  return degree(one) - degree(other)
}

function degree(peer: HandOutPeer | undefined): number {
  return (peer?.near.length ?? 0) + (peer?.far.length ?? 0)
}

function sum<T>(items: Iterable<T>, value: (item: T) => number): number {
  let total = 0
  for (const item of items) total += value(item)
  return total
}
