interface Job<V> {
  readonly result: Promise<V>
  readonly abort: AbortController
  users: number
}

/** Work that is done once for all who want the same at the same time, and given up when the last of them has gone. */
export class SharedWork<K, V> {
  readonly #run: (key: K, signal: AbortSignal) => Promise<V>
  readonly #jobs = new Map<K, Job<V>>()

  constructor(run: (key: K, signal: AbortSignal) => Promise<V>) {
    this.#run = run
  }

  /** How much is under way. */
  get size(): number {
    return this.#jobs.size
  }

  isUnderWay(key: K): boolean {
    return this.#jobs.has(key)
  }

  /** What comes of the work, which begins with the first who joins. Rejects with the signal's reason when aborted, whatever the others do. */
  async join(key: K, signal?: AbortSignal | undefined): Promise<V> {
    signal?.throwIfAborted()
    const job = this.#jobs.get(key) ?? this.#begin(key)
    job.users += 1
    try {
      return await untilAborted(job.result, signal)
    } finally {
      job.users -= 1
      if (job.users === 0) this.#end(key, job)
    }
  }

  #begin(key: K): Job<V> {
    const abort = new AbortController()
    const job = { abort, users: 0, result: this.#run(key, abort.signal) }
    this.#jobs.set(key, job)
    // What comes of it when nobody is left is nobody's business. Whoever comes after the end begins anew.
    const end = () => this.#end(key, job)
    job.result.then(end, end)
    return job
  }

  #end(key: K, job: Job<V>): void {
    if (this.#jobs.get(key) === job) this.#jobs.delete(key)
    job.abort.abort()
  }
}

/** What a promise settles with, or the signal's reason, whichever is first. */
function untilAborted<V>(promise: Promise<V>, signal: AbortSignal | undefined): Promise<V> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    const leave = () => signal.removeEventListener('abort', onAbort)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(leave)
  })
}
