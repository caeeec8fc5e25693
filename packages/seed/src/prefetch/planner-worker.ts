import { seedError } from '../errors.ts'
import { ThreadQueue } from '../thread-queue.ts'
import type { PlanningResult, PlanningTask } from './planner-thread.ts'

/** Plans in a thread of its own, one plan at a time: planning for a large fleet takes seconds, in which the seed has to answer. */
export class PlannerWorker {
  readonly #queue = new ThreadQueue<PlanningTask, PlanningResult>(
    new URL('./planner-thread.ts', import.meta.url),
    (reason, cause) => seedError('SHOAL_PLAN_PLANNER', { reason }, cause),
  )

  /** Throws `SHOAL_PLAN_PLANNER`. */
  plan(task: PlanningTask): Promise<PlanningResult> {
    return this.#queue.run(task)
  }

  close(): Promise<void> {
    return this.#queue.close()
  }
}
