/** What is true of one layer on this node now. */
export interface LayerFacts {
  /** Withdrawn by the seed. */
  readonly isRevoked: boolean
  /** In the desired state. Before any desired state is known, everything stored counts as assigned. */
  readonly isAssigned: boolean
  readonly isStored: boolean
  readonly isComplete: boolean
  /** Somebody reads its file. */
  readonly isHeld: boolean
  /** It is just being evicted. */
  readonly isLeaving: boolean
  /** In its swarm. */
  readonly isJoined: boolean
}

export type LayerAction = 'drop' | 'obtain' | 'join' | 'leave'

/**
 * The one step that brings a layer nearer to what is desired; `undefined` when there is none. Revoking wins over
 * assigning; while its file is read, a revoked layer is only left. What is stored is served whether it is assigned or
 * not, but only what is assigned is fetched.
 */
export function nextAction(facts: LayerFacts): LayerAction | undefined {
  const { isRevoked, isAssigned, isStored, isComplete, isHeld, isLeaving, isJoined } = facts
  if (isLeaving) return undefined
  if (isRevoked && isHeld) return isJoined ? 'leave' : undefined
  if (isRevoked) return isStored || isJoined ? 'drop' : undefined
  if (!isStored) return isAssigned ? 'obtain' : undefined
  const belongs = isAssigned || isComplete
  if (belongs === isJoined) return undefined
  return belongs ? 'join' : 'leave'
}
