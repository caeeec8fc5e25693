import { seedError } from '../errors.ts'

/** Tasks one after another. */
export class WorkQueue {
  readonly #stopping = new AbortController()
  readonly #limit: number
  #tail: Promise<unknown> = Promise.resolve()
  #count = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** As {@link add}; throws `SHOAL_BOOT_PROFILE_BUSY` at once when too much waits. */
  async request<T>(task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#count >= this.#limit) throw this.#busy()
    return this.add(task)
  }

  /**
   * Resolves or rejects as the task does when its turn has come; whoever adds sees to it that there is an end to it.
   */
  add<T>(task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = this.#stopping
    this.#count += 1
    const run = this.#tail.then(() => {
      signal.throwIfAborted()
      return task(signal)
    })
    this.#tail = run
      .catch(() => {})
      .finally(() => {
        this.#count -= 1
      })
    return run
  }

  /** Aborts what runs and what waits; resolves when nothing is left. */
  async stop(): Promise<void> {
    this.#stopping.abort(this.#busy())
    await this.#tail
  }

  #busy(): Error {
    return seedError('SHOAL_BOOT_PROFILE_BUSY', { limit: this.#limit })
  }
}
