import type { Clock } from '@shoal/core'
import type { PieceSet } from './scheduler/piece-set.ts'
import type { Source } from './scheduler/source.ts'

/** How often an origin is told what we need of it; sooner while much changes, as when a peer says what it has. */
const EVERY_MS = 500
const SOONEST_MS = 20

interface Told {
  readonly at: number
  readonly need: PieceSet
  /** When it was last looked whether it is to be told anew. */
  lookedAt: number
}

/** What each origin was told that we need of it. */
export class OriginNeed {
  readonly #clock: Clock
  readonly #need: () => PieceSet
  readonly #told = new WeakMap<Source, Told>()

  constructor(clock: Clock, need: () => PieceSet) {
    this.#clock = clock
    this.#need = need
  }

  /** What to tell it now; `undefined` when it knows well enough. */
  changed(origin: Source): PieceSet | undefined {
    const now = this.#clock.now()
    const told = this.#told.get(origin)
    if (told !== undefined && now - told.lookedAt < SOONEST_MS) return undefined
    const need = this.#need()
    if (told !== undefined) {
      told.lookedAt = now
      if (now - told.at < EVERY_MS && need.countCommon(told.need) > told.need.count / 2) return undefined
      if (need.count === 0 && told.need.count === 0) return undefined
    }
    this.#told.set(origin, { at: now, lookedAt: now, need })
    return need
  }

  /** It no longer knows. */
  forget(origin: Source): void {
    this.#told.delete(origin)
  }

  /** Whether it was told that we need nothing of it. */
  isEmpty(origin: Source): boolean {
    return (this.#told.get(origin)?.need.count ?? 0) === 0
  }
}
