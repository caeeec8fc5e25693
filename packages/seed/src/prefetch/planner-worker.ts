import { Worker } from 'node:worker_threads'
import { seedError } from '../errors.ts'
import type { PlanningReply, PlanningResult, PlanningTask } from './planner-thread.ts'

/** Plans in a thread of its own, one plan at a time: planning for a large fleet takes seconds, in which the seed has to answer. */
export class PlannerWorker {
  #worker: Worker | undefined
  #tail: Promise<unknown> = Promise.resolve()
  #isClosed = false

  /** Throws `SHOAL_PLAN_PLANNER`. */
  plan(task: PlanningTask): Promise<PlanningResult> {
    const result = this.#tail.then(() => this.#ask(task))
    this.#tail = result.catch(() => {})
    return result
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#worker?.terminate()
  }

  #ask(task: PlanningTask): Promise<PlanningResult> {
    if (this.#isClosed) return Promise.reject(seedError('SHOAL_PLAN_PLANNER', { reason: 'the seed is stopping' }))
    this.#worker ??= new Worker(new URL('./planner-thread.ts', import.meta.url))
    const worker = this.#worker
    worker.ref()
    return new Promise((resolve, reject) => {
      const end = () => {
        worker.off('message', onMessage).off('error', onError).off('exit', onExit)
        worker.unref()
      }
      const onMessage = (reply: PlanningReply) => {
        end()
        if ('result' in reply) resolve(reply.result)
        else reject(seedError('SHOAL_PLAN_PLANNER', { reason: reply.reason }))
      }
      const onFault = (reason: string, cause?: unknown) => {
        end()
        this.#worker = undefined
        reject(seedError('SHOAL_PLAN_PLANNER', { reason }, cause))
      }
      const onError = (error: Error) => onFault(error.message, error)
      const onExit = () => onFault('its thread ended')
      worker.on('message', onMessage).on('error', onError).on('exit', onExit)
      worker.postMessage(task)
    })
  }
}
