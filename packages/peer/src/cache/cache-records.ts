import { UseHistory } from '@shoal/cache'
import { type Digest, errorCode, type Logger } from '@shoal/core'
import type { StateStore } from '@shoal/state'

const KEYS = { history: 'cache/history', policy: 'cache/policy', scrub: 'cache/scrub' } as const

/** How far the check of what is stored has come. */
export interface ScrubPosition {
  readonly digest: Digest
  readonly block: number
}

/** What the cache of a node should know again after a restart, and can do without: a write that fails is logged only. */
export class CacheRecords {
  readonly #state: StateStore
  readonly #logger: Logger

  constructor(deps: { state: StateStore; logger: Logger }) {
    this.#state = deps.state
    this.#logger = deps.logger
  }

  async history(): Promise<UseHistory> {
    return UseHistory.restore((await this.#state.get(KEYS.history))?.value)
  }

  saveHistory(history: UseHistory): Promise<void> {
    return this.#put(KEYS.history, history.snapshot())
  }

  /** The policy that was set at run time; `null`: the configured one. */
  async policy(): Promise<string | null> {
    return (await this.#state.get<string>(KEYS.policy))?.value ?? null
  }

  /** Durable, or it throws: somebody was told that it holds. */
  async savePolicy(name: string | null): Promise<void> {
    if (name === null) await this.#state.delete(KEYS.policy)
    else await this.#state.put(KEYS.policy, name)
  }

  async scrubPosition(): Promise<ScrubPosition | undefined> {
    return (await this.#state.get<ScrubPosition>(KEYS.scrub))?.value
  }

  saveScrubPosition(position: ScrubPosition): Promise<void> {
    return this.#put(KEYS.scrub, position)
  }

  async #put(key: string, value: unknown): Promise<void> {
    try {
      await this.#state.batch([{ type: 'put', key, value }], { durable: false })
    } catch (error) {
      this.#logger.warn({ code: errorCode(error), error }, 'state not written; going on with what is in memory')
    }
  }
}
