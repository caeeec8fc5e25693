/** By what turns go: the highest priority, then heads before the rest, then the lowest wave, then each by its weight. */
export interface TurnTerms {
  readonly priority: number
  readonly wave: number
  readonly weight: number
}

/** Those who are equal but for their weights. */
interface TurnClass {
  readonly priority: number
  readonly isHead: boolean
  readonly wave: number
  /** Where the turn that was given last began: bytes by weight. */
  virtualTime: number
  members: number
}

/** Where one stands in a class: at which virtual time what it was given ends. */
interface Standing {
  readonly ranked: TurnClass
  finish: number
}

/** One who takes turns: a layer, for its head and for the rest. Made by {@link TurnOrder.join}. */
export interface TurnShare {
  weight: number
  head: Standing
  rest: Standing
}

/**
 * Whose turn it is among layers. Pure. Classes go strictly one before the other; inside a class start-time fair queuing (Goyal, Vin and
 * Cheng, 1996): a turn begins where the class is, or where what the same layer had before ends, and the earliest goes first. A layer
 * that asks for nothing for a while saves nothing up, and one that was alone owes nothing to those who come.
 */
export class TurnOrder {
  readonly #classes = new Map<string, TurnClass>()

  join(terms: TurnTerms): TurnShare {
    return { weight: terms.weight, head: this.#stand(terms, true), rest: this.#stand(terms, false) }
  }

  /** Among new equals it begins anew; with the same ones it stays where it is. */
  setTerms(share: TurnShare, terms: TurnTerms): void {
    share.weight = terms.weight
    const { priority, wave } = share.rest.ranked
    if (priority === terms.priority && wave === terms.wave) return
    this.leave(share)
    share.head = this.#stand(terms, true)
    share.rest = this.#stand(terms, false)
  }

  leave({ head, rest }: TurnShare): void {
    for (const { ranked } of [head, rest]) {
      ranked.members -= 1
      if (ranked.members === 0) this.#classes.delete(keyOf(ranked))
    }
  }

  /** A turn was taken, for so many bytes. */
  take(share: TurnShare, isHead: boolean, bytes: number): void {
    const standing = isHead ? share.head : share.rest
    const start = startOf(standing)
    standing.ranked.virtualTime = start
    standing.finish = start + bytes / share.weight
  }

  /** Below 0 when the first would go before the second, each for its head or for the rest. */
  compare(one: TurnShare, isOnesHead: boolean, other: TurnShare, isOthersHead: boolean): number {
    const a = isOnesHead ? one.head : one.rest
    const b = isOthersHead ? other.head : other.rest
    if (a.ranked === b.ranked) return startOf(a) - startOf(b)
    if (a.ranked.priority !== b.ranked.priority) return b.ranked.priority - a.ranked.priority
    if (isOnesHead !== isOthersHead) return isOnesHead ? -1 : 1
    return a.ranked.wave - b.ranked.wave
  }

  /** Whether one goes before the other whatever they were given so far, each for its head or for the rest. */
  isAhead(one: TurnShare, isOnesHead: boolean, other: TurnShare, isOthersHead: boolean): boolean {
    const a = isOnesHead ? one.head : one.rest
    const b = isOthersHead ? other.head : other.rest
    return a.ranked !== b.ranked && this.compare(one, isOnesHead, other, isOthersHead) < 0
  }

  /** Whether two are equals with the same weight. */
  isAlike(one: TurnShare, isOnesHead: boolean, other: TurnShare, isOthersHead: boolean): boolean {
    const a = isOnesHead ? one.head : one.rest
    const b = isOthersHead ? other.head : other.rest
    return a.ranked === b.ranked && one.weight === other.weight
  }

  #stand({ priority, wave }: TurnTerms, isHead: boolean): Standing {
    const key = keyOf({ priority, wave, isHead })
    const ranked = this.#classes.get(key) ?? { priority, wave, isHead, virtualTime: 0, members: 0 }
    this.#classes.set(key, ranked)
    ranked.members += 1
    return { ranked, finish: 0 }
  }
}

function startOf({ ranked, finish }: Standing): number {
  return Math.max(ranked.virtualTime, finish)
}

function keyOf({ priority, wave, isHead }: Pick<TurnClass, 'priority' | 'wave' | 'isHead'>): string {
  return `${priority} ${isHead} ${wave}`
}
