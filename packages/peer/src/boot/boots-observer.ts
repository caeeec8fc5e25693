import type { BootSpans } from '@shoal/api'
import type { Clock } from '@shoal/core'
import { BootMoments } from './boot-moments.ts'
import type { ReadObserver } from './boot-reads.ts'
import type { Companions } from './boots-companions.ts'
import type { BootEvents } from './boots-events.ts'
import type { ServedBoot } from './boots-ports.ts'
import { FirstReads } from './first-reads.ts'
import type { BootCounters } from './metrics.ts'
import type { ProfileHits } from './profile-hits.ts'
import type { ProfilePrefetches } from './profile-prefetches.ts'

export interface BootObserverDeps {
  readonly events: BootEvents
  readonly companions: Pick<Companions, 'onRead'>
  readonly prefetches: Pick<ProfilePrefetches, 'foretells' | 'reads'>
  readonly hits: Pick<ProfileHits, 'add'>
  /** Since when a boot is asked for that was never served before. Milliseconds since the epoch. */
  readonly askedAt: (name: string) => number | undefined
  /** Whether its machine may read: what is read before is its disk being made. */
  readonly isOpen: (name: string) => boolean
  /** It is known how a boot goes. */
  readonly onSpans: (name: string, spans: Partial<BootSpans>) => void
  readonly clock: Clock
  /** That by which reads are told. */
  readonly readClock: Clock
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
    const { events, companions, prefetches, clock, askedAt, isOpen } = this.#deps
    let waitsSince = askedAt(boot.name)
    // What a machine reads after a restart of the daemon is not its boot.
    const first = waitsSince === undefined ? undefined : this.#firstReads(boot)
    const moments = waitsSince === undefined ? undefined : this.#moments(boot.name)
    const onBootRead = boot.image === null ? () => {} : prefetches.reads(boot.image, boot.layers)
    return {
      onRead: (offset, length, atMs) => {
        first?.begin(atMs)
        if (moments !== undefined && isOpen(boot.name)) moments.onRead(length, atMs)
        onBootRead()
        companions.onRead(boot.name, offset, length, atMs)
      },
      ...(first && { onTouched: (manifest, offset, length) => first.touch(manifest, offset, length) }),
      onAnswered: (answer) => {
        this.#counters?.read(answer)
        if (waitsSince === undefined) return
        this.#counters?.firstByte(Math.max(0, clock.now() - waitsSince) / 1000)
        waitsSince = undefined
      },
      onClosed: () => moments?.end(),
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

  #moments(name: string): BootMoments {
    const { readClock, onSpans } = this.#deps
    const toTime = (atMs: number) => new Date(atMs).toISOString()
    return new BootMoments({
      clock: readClock,
      onFirstRead: (atMs) => onSpans(name, { firstReadAt: toTime(atMs) }),
      onBooted: (atMs) => onSpans(name, { bootedAt: toTime(atMs), bootedBy: 'quiet' }),
    })
  }

  #firstReads({ image, layers }: ServedBoot): FirstReads | undefined {
    if (image === null) return undefined
    const { prefetches, hits } = this.#deps
    return new FirstReads({
      foretells: (layer, offset) => prefetches.foretells(image, layers, layer, offset),
      onFirst: (blocks) => this.#counters?.profiled(blocks),
      onBooted: (blocks) => hits.add(image, blocks),
    })
  }
}
