import { type Clock, errorMessage, type Logger } from '@shoal/core'

/** What a service does beside answering: loops of its parts, and tasks that recur. All of it ends together. */
export class BackgroundWork {
  readonly #deps: { readonly clock: Clock; readonly logger: Logger }
  readonly #stopping = new AbortController()
  readonly #loops: Promise<void>[] = []

  constructor(deps: { clock: Clock; logger: Logger }) {
    this.#deps = deps
  }

  /** Begins a loop that goes on until it is aborted; a part that is not there does nothing. */
  run(part: { run(options: { signal: AbortSignal }): Promise<void> } | undefined): void {
    if (part !== undefined) this.#loops.push(part.run({ signal: this.#stopping.signal }))
  }

  /** Does something again and again, with a pause before each time. When it fails that is logged, and it goes on. */
  every(intervalMs: number, task: (options: { signal: AbortSignal }) => Promise<void>): void {
    this.run({
      run: async ({ signal }) => {
        const { clock, logger } = this.#deps
        while (!signal.aborted) {
          await clock.sleep(intervalMs, { signal }).catch(() => {})
          if (signal.aborted) return
          await task({ signal }).catch((error: unknown) => {
            logger.error({ reason: errorMessage(error) }, 'a recurring task failed')
          })
        }
      },
    })
  }

  /** Ends all of it, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the seed is stopping'))
    await Promise.all(this.#loops)
  }
}
