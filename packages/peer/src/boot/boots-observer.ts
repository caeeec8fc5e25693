import type { Clock } from '@shoal/core'
import type { ReadObserver } from './boot-reads.ts'
import type { Companions } from './boots-companions.ts'
import type { BootEvents } from './boots-events.ts'
import type { ServedBoot } from './boots-ports.ts'
import type { BootCounters } from './metrics.ts'

export interface BootObserverDeps {
  readonly events: BootEvents
  readonly companions: Pick<Companions, 'onRead'>
  /** Since when a boot is asked for that was never served before. Milliseconds since the epoch. */
  readonly askedAt: (name: string) => number | undefined
  readonly clock: Clock
}

/** Passes on what machines read of their disks: to events, metrics, and what records their boots. */
export class BootObserver {
  readonly #deps: BootObserverDeps
  #counters: BootCounters | undefined

  constructor(deps: BootObserverDeps) {
    this.#deps = deps
  }

  /** Sets what counts from now on. */
  count(counters: BootCounters): void {
    this.#counters = counters
  }

  observe(boot: ServedBoot): ReadObserver {
    const { events, companions, clock, askedAt } = this.#deps
    let waitsSince = askedAt(boot.name)
    return {
      onRead: (offset, length, atMs) => companions.onRead(boot.name, offset, length, atMs),
      onAnswered: (answer) => {
        this.#counters?.read(answer)
        if (waitsSince === undefined) return
        this.#counters?.firstByte(Math.max(0, clock.now() - waitsSince) / 1000)
        waitsSince = undefined
      },
      onStalled: (stall) => {
        this.#counters?.stalled()
        void events.stalled(boot, stall)
      },
      onFailed: (failure) => {
        this.#counters?.failed()
        void events.failedRead(boot, failure)
      },
    }
  }
}
