import type { LayerUses } from '@shoal/api'
import { UseLog } from '@shoal/cache'
import type { Clock } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import type { Catalogue } from '../images/catalogue.ts'

export interface PopularityDeps {
  readonly state: Pick<StateStore, 'get' | 'batch'>
  readonly clock: Clock
  /** Layers that are known count, no others: nodes could name any number of them. */
  readonly catalogue: Pick<Catalogue, 'layer'>
}

type Saved = ReturnType<UseLog<string>['snapshot']>

const KEY = 'seed/popularity'

/** How much each layer is used in the whole fleet, recent uses counting more, over restarts. */
export class Popularity {
  readonly #deps: PopularityDeps
  #log = new UseLog<string>()
  #heartbeats = 0
  #savedHeartbeats = 0

  constructor(deps: PopularityDeps) {
    this.#deps = deps
  }

  /** Finds what was saved. To be called once, when the catalogue is open. */
  async open(): Promise<void> {
    const saved = await this.#deps.state.get<Saved>(KEY)
    if (saved !== undefined) this.#log = UseLog.restore(this.#known(saved.value))
  }

  /**
   * Counts what a node tells in a heartbeat. One that is sent twice, since its answer was lost, may count twice: that is rare, and as rare
   * for one layer as for another.
   */
  add(uses: readonly LayerUses[]): void {
    const { catalogue, clock } = this.#deps
    const known = uses.filter(({ layer }) => catalogue.layer(layer) !== undefined)
    if (known.length === 0) return
    const now = clock.now()
    for (const { layer, uses: count } of known) this.#log.add(layer, now, count)
    this.#heartbeats += 1
  }

  /** A layer's part of all uses, 0 to 1. */
  share(layer: string): number {
    return this.#log.share(layer, this.#deps.clock.now())
  }

  /** Saves what has changed, and forgets layers that are no more. A crash costs the uses since the last save. */
  async save(): Promise<void> {
    const heartbeats = this.#heartbeats
    if (heartbeats === this.#savedHeartbeats) return
    const all = this.#log.snapshot()
    const value = this.#known(all)
    if (value.counts.length < all.counts.length) this.#log = UseLog.restore(value)
    await this.#deps.state.batch([{ type: 'put', key: KEY, value }], { durable: false })
    this.#savedHeartbeats = heartbeats
  }

  #known(log: Saved): Saved {
    return { ...log, counts: log.counts.filter(([layer]) => this.#deps.catalogue.layer(layer) !== undefined) }
  }
}
