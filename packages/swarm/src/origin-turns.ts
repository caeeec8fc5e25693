import type { Clock } from '@shoal/core'
import type { TurnOrder, TurnShare } from './scheduler/turn-order.ts'

/** A layer that gave nothing for so long, though it has more to give, is not wanted just now: it holds up nobody. */
const GIVING_MS = 2000

/** What one layer has to give. */
export interface GivingLayer {
  /** Of which part the next piece is that some peer needs and that was given to nobody yet; undefined: there is none. */
  nextPart(): 'head' | 'rest' | undefined
}

/**
 * Whose turn it is among the layers that an origin gives of its own choice. While a layer gives pieces that nobody has, those behind it in
 * the {@link TurnOrder} give none: what they gave would be on its way beside it, and passed on, however the nodes order what they ask for.
 */
export class OriginTurns {
  readonly #order: TurnOrder
  readonly #clock: Pick<Clock, 'now'>
  readonly #layers = new Map<TurnShare, GivingLayer>()
  /** When those gave last that did so lately. */
  readonly #gaveAt = new Map<TurnShare, number>()

  constructor(order: TurnOrder, clock: Pick<Clock, 'now'>) {
    this.#order = order
    this.#clock = clock
  }

  add(share: TurnShare, layer: GivingLayer): void {
    this.#layers.set(share, layer)
  }

  remove(share: TurnShare): void {
    this.#layers.delete(share)
    this.#gaveAt.delete(share)
  }

  /** Whether a layer may give something now. */
  mayGive(share: TurnShare): boolean {
    const isAlone = this.#gaveAt.size === 0 || (this.#gaveAt.size === 1 && this.#gaveAt.has(share))
    if (isAlone) return true
    const since = this.#clock.now() - GIVING_MS
    const isHead = this.#layers.get(share)?.nextPart() === 'head'
    for (const [other, gaveAt] of this.#gaveAt) {
      if (gaveAt <= since) this.#gaveAt.delete(other)
      else if (other !== share && this.#isAhead(other, share, isHead)) return false
    }
    return true
  }

  gave(share: TurnShare): void {
    if (this.#layers.has(share)) this.#gaveAt.set(share, this.#clock.now())
  }

  #isAhead(other: TurnShare, share: TurnShare, isHead: boolean): boolean {
    const part = this.#layers.get(other)?.nextPart()
    return part !== undefined && this.#order.isAhead(other, part === 'head', share, isHead)
  }
}
