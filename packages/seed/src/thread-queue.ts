import { Worker } from 'node:worker_threads'

/** What a thread answers to a task. */
export type ThreadReply<Result> = { readonly result: Result } | { readonly reason: string }

/**
 * Has tasks worked on in a thread of its own, one at a time: what takes seconds would keep the event loop from
 * answering. The thread starts with the first task, and again after it has died.
 */
export class ThreadQueue<Task, Result> {
  readonly #url: URL
  readonly #fault: (reason: string, cause?: unknown) => Error
  #worker: Worker | undefined
  #tail: Promise<unknown> = Promise.resolve()
  #isClosed = false

  /** `fault` makes the error of a task that fails. */
  constructor(url: URL, fault: (reason: string, cause?: unknown) => Error) {
    this.#url = url
    this.#fault = fault
  }

  run(task: Task): Promise<Result> {
    const result = this.#tail.then(() => this.#ask(task))
    this.#tail = result.catch(() => {})
    return result
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#worker?.terminate()
  }

  #ask(task: Task): Promise<Result> {
    if (this.#isClosed) return Promise.reject(this.#fault('the seed is stopping'))
    this.#worker ??= new Worker(this.#url)
    const worker = this.#worker
    worker.ref()
    return new Promise((resolve, reject) => {
      const end = () => {
        worker.off('message', onMessage).off('error', onError).off('exit', onExit)
        worker.unref()
      }
      const onMessage = (reply: ThreadReply<Result>) => {
        end()
        if ('result' in reply) resolve(reply.result)
        else reject(this.#fault(reply.reason))
      }
      const onFault = (reason: string, cause?: unknown) => {
        end()
        this.#worker = undefined
        reject(this.#fault(reason, cause))
      }
      const onError = (error: Error) => onFault(error.message, error)
      const onExit = () => onFault('its thread ended')
      worker.on('message', onMessage).on('error', onError).on('exit', onExit)
      worker.postMessage(task)
    })
  }
}
