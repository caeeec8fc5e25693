import type { Bitfield } from '@shoal/core'
import type { Priority } from './priority.ts'
import type { Source, SourcePlace } from './source.ts'

export interface SchedulerActions {
  /** A source that is asked for the piece already is to hurry when it is `on-demand` now. */
  ask(source: Source, piece: number, priority: Priority): void
  /** The piece came from elsewhere. */
  cancel(source: Source, piece: number): void
  /** How many pieces an origin that chooses may have on their way to us at once. */
  setOffers(origin: Source, count: number): void
  /**
   * Whether so many bytes may be asked for now of a source at such a place; the priority is `on-demand` only where somebody waits for
   * them. When not, `PieceScheduler.fill` is to be called once they may.
   */
  admit(bytes: number, priority: Priority, place: SourcePlace): boolean
}

export interface SchedulerOptions {
  readonly node: string
  readonly pieceCount: number
  /** Bytes of a piece. */
  readonly pieceBytes: (piece: number) => number
  /** Pieces present here. */
  readonly have: Bitfield
  readonly now: () => number
  /** From 0 up to 1. */
  readonly random: () => number
}
