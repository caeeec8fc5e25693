import { type Digest, digestHex, errorCode, isDigest, type Logger } from '@shoal/core'
import type { StateStore } from '@shoal/state'

const PREFIX = 'peer/evicted/'

/**
 * Assigned layers that were evicted, with the time of the assignment that this ended: they are not fetched again for it, also after a
 * restart. The seed takes the assignment back once it was told (docs/adr/0020).
 */
export class EvictedLayers {
  readonly #state: StateStore
  readonly #logger: Logger
  readonly #ended = new Map<Digest, string>()

  constructor(deps: { state: StateStore; logger: Logger }) {
    this.#state = deps.state
    this.#logger = deps.logger
  }

  /** `isWhole`: layers that are there after all, since the daemon was killed before they were removed. */
  async open(isWhole: (digest: Digest) => boolean): Promise<void> {
    for await (const { key, value } of this.#state.range<string>({ prefix: PREFIX })) {
      const digest = `sha256:${key.slice(PREFIX.length)}`
      if (!isDigest(digest)) continue
      if (isWhole(digest)) await this.#state.delete(key)
      else this.#ended.set(digest, value)
    }
  }

  /** Whether this very assignment of the layer has ended. */
  has(digest: Digest, assignedAt: string): boolean {
    return this.#ended.get(digest) === assignedAt
  }

  /** Durable when it resolves. */
  async add(digest: Digest, assignedAt: string): Promise<void> {
    this.#ended.set(digest, assignedAt)
    await this.#state.put(PREFIX + digestHex(digest), assignedAt)
  }

  /** It is there after all. */
  async remove(digest: Digest): Promise<void> {
    if (this.#ended.delete(digest)) await this.#state.delete(PREFIX + digestHex(digest))
  }

  /** Forgets assignments that are not in force any more. */
  async prune(inForce: ReadonlyMap<Digest, string>): Promise<void> {
    const over = [...this.#ended].filter(([digest, assignedAt]) => inForce.get(digest) !== assignedAt)
    if (over.length === 0) return
    for (const [digest] of over) this.#ended.delete(digest)
    try {
      await this.#state.batch(over.map(([digest]) => ({ type: 'delete', key: PREFIX + digestHex(digest) })))
    } catch (error) {
      this.#logger.warn({ code: errorCode(error), error }, 'state not written; going on with what is in memory')
    }
  }
}
