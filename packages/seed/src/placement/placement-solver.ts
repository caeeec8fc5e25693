import type { JointPlacement, PlacementProblem } from '@shoal/scheduler'
import { seedError } from '../errors.ts'
import { ThreadQueue } from '../thread-queue.ts'

/** Placements that are worked on or wait; more would be answered too late to be of use. */
const MAX_PLACEMENTS = 8

/** Places VMs in a thread of its own, one request at a time. */
export class PlacementSolver {
  readonly #queue = new ThreadQueue<PlacementProblem, JointPlacement>(
    new URL('./placement-thread.ts', import.meta.url),
    (reason, cause) => seedError('SHOAL_PLACEMENT_SOLVER', { reason }, cause),
  )
  #waiting = 0

  /** Throws `SHOAL_PLACEMENT_BUSY` and `SHOAL_PLACEMENT_SOLVER`. */
  async solve(problem: PlacementProblem): Promise<JointPlacement> {
    if (this.#waiting >= MAX_PLACEMENTS) throw seedError('SHOAL_PLACEMENT_BUSY', { limit: MAX_PLACEMENTS })
    this.#waiting += 1
    try {
      return await this.#queue.run(problem)
    } finally {
      this.#waiting -= 1
    }
  }

  close(): Promise<void> {
    return this.#queue.close()
  }
}
