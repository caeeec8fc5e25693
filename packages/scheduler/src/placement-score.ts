/** A node on which VMs of an image could go. */
export interface PlacementCandidate {
  readonly node: string
  readonly rack: string | undefined
  readonly heldBytes: number
  /** Of the whole chain. */
  readonly chainBytes: number
  /** How busy it is, with the VMs that were put there already. */
  readonly load: number
}

/** How well VMs of an image go to a node: higher is better. */
export type PlacementScore = (candidate: PlacementCandidate) => number

/** Shares of a hundredth do not decide: load does. */
const STEPS = 100

/** Prefers nodes that hold more of the image's bytes, among equals those that are less busy. */
export function heldBytesThenLoad({ heldBytes, chainBytes, load }: PlacementCandidate): number {
  const steps = chainBytes === 0 ? STEPS : Math.floor((heldBytes / chainBytes) * STEPS)
  return steps + 1 / (2 + load)
}
