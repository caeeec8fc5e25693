import { type Clock, type Digest, errorMessage, type Logger } from '@shoal/core'
import type { CacheView, Findings, PinsOf } from './cache-view.ts'
import type { Eviction, EvictionPlan, EvictionReason } from './eviction.ts'
import { isExpired, type Pin } from './pin.ts'
import type { Pins } from './pins.ts'
import type { Stock } from './stock.ts'
import type { UseHistory } from './use-history.ts'

/** What is told of an eviction when it has happened. */
export interface EvictedLayer extends Eviction {
  /** Time since its last use; `null` when it was not used since it came. */
  readonly idleMs: number | null
}

export interface EvictorDeps {
  readonly stock: Pick<Stock, 'evict'>
  readonly history: Pick<UseHistory, 'entry' | 'evicted' | 'forget'>
  readonly pins: Pick<Pins, 'of'>
  readonly pinsOf?: PinsOf | undefined
  /** Processes that have the file of a layer open, of these layers. */
  readonly usersOf?: ((digests: readonly Digest[]) => Promise<ReadonlyMap<Digest, readonly Pin[]>>) | undefined
  readonly onEvicted: (evicted: EvictedLayer) => void
  readonly look: (found: Findings) => Promise<CacheView>
  readonly clock: Clock
  readonly logger: Logger
}

/** What is to go from what is there now, when so many bytes were freed already. What it throws ends the attempt. */
export type MakePlan = (view: CacheView, freedBytes: number) => EvictionPlan

/** Evicts by plans, and only what nobody uses. */
export class Evictor {
  readonly #deps: EvictorDeps
  readonly #counts: Record<EvictionReason, number> = { space: 0, age: 0, operator: 0, purge: 0 }

  constructor(deps: EvictorDeps) {
    this.#deps = deps
  }

  /** How many layers went, by reason. */
  get counts(): Readonly<Record<EvictionReason, number>> {
    return this.#counts
  }

  /** Who has one of these layers open. */
  async usersOf(digests: readonly Digest[]): Promise<Map<Digest, readonly Pin[]>> {
    if (digests.length === 0) return new Map()
    const asked = new Set(digests)
    const users = (await this.#deps.usersOf?.(digests)) ?? []
    return new Map([...users].filter(([digest, pins]) => asked.has(digest) && pins.length > 0))
  }

  /** A plan to which nobody objects: those who use what would go were asked, and it was made anew without that. */
  async agree(makePlan: (view: CacheView) => EvictionPlan, found = createFindings()) {
    for (;;) {
      const view = await this.#deps.look(found)
      const plan = makePlan(view)
      const users = await this.usersOf(affected(plan, view))
      if (users.size === 0) return { view, plan }
      for (const [digest, pins] of users) found.users.set(digest, pins)
    }
  }

  /**
   * Evicts until a plan has nothing to evict any more: what a stock frees may be less than was planned. Resolves with
   * what went, and what is there then. What has the name `roomFor` does not go.
   */
  async evictAll(makePlan: MakePlan, roomFor?: string): Promise<{ done: EvictionPlan; view: CacheView }> {
    const found = createFindings(roomFor)
    const evictions: Eviction[] = []
    let freedBytes = 0
    for (;;) {
      const { view, plan } = await this.agree((view) => makePlan(view, freedBytes), found)
      if (plan.evictions.length === 0) return { view, done: { evictions, freedBytes, kept: plan.kept } }
      for (const eviction of plan.evictions) {
        const done = await this.evict(eviction, roomFor)
        if (done === undefined) {
          // Others may have to go now, and some of the rest may stay.
          found.users.set(eviction.digest, [justBegun(eviction.digest, this.#deps.clock.now())])
          break
        }
        found.evicted.set(done.digest, done.keptBytes)
        evictions.push(done)
        freedBytes += done.sizeBytes
      }
    }
  }

  /**
   * Resolves with what went, which is more than was planned where no part could stay; `undefined` when somebody has
   * pinned it or begun to read it since it was planned: it stays.
   */
  async evict(planned: Eviction, roomFor?: string): Promise<Eviction | undefined> {
    const { history, onEvicted, clock, logger } = this.#deps
    const { digest, reason, value } = planned
    const { uses, lastUsedAt } = history.entry(digest, clock.now())
    if (this.#isPinned(digest, roomFor)) return undefined
    const keptBytes = await this.#free(planned)
    if (keptBytes === undefined) return undefined
    const sizeBytes = planned.sizeBytes + planned.keptBytes - keptBytes
    const eviction = { ...planned, sizeBytes, keptBytes }
    // What goes for another reason says nothing about what is worth keeping.
    if (reason === 'space') history.evicted(digest, value, keptBytes)
    else if (keptBytes === 0) history.forget(digest)
    this.count(reason)
    logger.info({ layer: digest, freedBytes: sizeBytes, keptBytes, reason }, 'layer evicted')
    onEvicted({ ...eviction, idleMs: uses === 0 ? null : Math.max(0, clock.now() - lastUsedAt) })
    return eviction
  }

  count(reason: EvictionReason): void {
    this.#counts[reason] += 1
  }

  /** Bytes that stay; `undefined` when all of it does. */
  async #free({ digest, keptBytes }: Eviction): Promise<number | undefined> {
    const { stock, logger } = this.#deps
    try {
      return await stock.evict(digest, keptBytes)
    } catch (error) {
      logger.error({ layer: digest, error: errorMessage(error) }, 'layer could not be evicted')
      throw error
    }
  }

  #isPinned(digest: Digest, roomFor: string | undefined): boolean {
    const { pins, pinsOf, clock } = this.#deps
    const now = clock.now()
    return pins.of(digest).length > 0 || (pinsOf?.(digest, roomFor) ?? []).some((pin) => !isExpired(pin, now))
  }
}

export function createFindings(roomFor?: string): Findings {
  return { users: new Map(), evicted: new Map(), roomFor }
}

/** What would go, and remnants that would lose what is below them: a remnant that is in use needs that. */
function affected({ evictions }: EvictionPlan, { held }: CacheView): Digest[] {
  const going = new Set(evictions.map(({ digest }) => digest))
  const above = held.filter(({ base, digest, isRemnant }) => {
    return isRemnant && base !== null && going.has(base) && !going.has(digest)
  })
  return [...going, ...above.map(({ digest }) => digest)]
}

function justBegun(digest: Digest, nowMs: number): Pin {
  return { digest, kind: 'machine', owner: 'somebody who has just begun to read it', since: nowMs, expiresAt: null }
}
