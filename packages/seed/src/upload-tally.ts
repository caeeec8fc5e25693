import type { Digest } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import type { Swarm } from '@shoal/swarm'

const KEY = 'seed/uploaded'

/** What the origin has sent of each layer, over restarts: the swarm itself counts from its own start only. */
export class UploadTally {
  readonly #state: StateStore
  readonly #swarm: Pick<Swarm, 'get'>
  readonly #totals = new Map<string, { total: number; seen: number }>()

  constructor(deps: { state: StateStore; swarm: Pick<Swarm, 'get'> }) {
    this.#state = deps.state
    this.#swarm = deps.swarm
  }

  async open(): Promise<void> {
    const saved = (await this.#state.get<Record<string, number>>(KEY))?.value ?? {}
    for (const [digest, total] of Object.entries(saved)) this.#totals.set(digest, { total, seen: 0 })
  }

  /** Bytes sent of a layer so far. */
  read(digest: Digest): number {
    const tally = this.#totals.get(digest) ?? { total: 0, seen: 0 }
    const now = this.#swarm.get(digest)?.stats().uploadedBytes ?? 0
    // A swarm that was left and joined again starts from zero.
    tally.total += now >= tally.seen ? now - tally.seen : now
    tally.seen = now
    this.#totals.set(digest, tally)
    return tally.total
  }

  /** Writes the totals of the given layers and forgets all others. A crash costs what was sent since the last save. */
  async save(digests: readonly Digest[]): Promise<void> {
    const totals = Object.fromEntries(digests.map((digest) => [digest, this.read(digest)]))
    for (const digest of [...this.#totals.keys()]) if (totals[digest] === undefined) this.#totals.delete(digest)
    await this.#state.batch([{ type: 'put', key: KEY, value: totals }], { durable: false })
  }
}
