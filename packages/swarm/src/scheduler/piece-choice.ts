import type { Holders } from './holders.ts'
import type { PieceSet } from './piece-set.ts'
import { sourceWindow } from './request-window.ts'
import type { Source } from './source.ts'
import type { WantedPieces } from './wanted-pieces.ts'

/** How many pieces a choice compares before it settles for the rarest of them, and how many it looks at. */
const COMPARE = 64
const LOOK_AT = 1024

export interface PieceChoiceDeps {
  readonly sources: ReadonlySet<Source>
  readonly wanted: WantedPieces
  readonly holders: Holders
  readonly pieceCount: number
  readonly random: () => number
}

/** Whom to ask next, and for what: the idlest source for the rarest piece that it has (Legout et al., 2006), with random ties. */
export class PieceChoice {
  readonly #deps: PieceChoiceDeps

  constructor(deps: PieceChoiceDeps) {
    this.#deps = deps
  }

  /** The source that is done first with what it was asked for, of those that may be asked for more. */
  idlest(isDistantToo: boolean, passedOver: ReadonlySet<Source> | undefined): Source | undefined {
    let best: Source | undefined
    let least = Number.POSITIVE_INFINITY
    for (const source of this.#deps.sources) {
      if (!source.isUsable || source.isDry || source.canChoose || source.useful.count === 0) continue
      if ((!isDistantToo && !source.isPrompt) || passedOver?.has(source)) continue
      const window = sourceWindow(source)
      if (source.inFlightBytes >= window) source.isFull = true
      // Asked for in batches: each request on its own would cost a system call here and there.
      else if (source.inFlightBytes <= window / 2) source.isFull = false
      if (source.isFull) continue
      const load = source.inFlightBytes / window + this.#deps.random() / 16
      if (load >= least) continue
      best = source
      least = load
    }
    return best
  }

  /** What to ask a source for, of the most urgent that it has; `isHeadOnly`: of what is fetched before the rest. */
  piece(source: Source, isHeadOnly: boolean): number | undefined {
    const { wanted, pieceCount, random } = this.#deps
    const start = Math.floor(random() * pieceCount)
    for (const pieces of isHeadOnly ? wanted.head : wanted) {
      const piece = pieces.count === 0 ? undefined : this.#rarest(source, pieces, start)
      if (piece !== undefined) return piece
    }
    return undefined
  }

  /** What is in flight from sources that are not prompt; without a bound when there are no others. */
  distantBytes(): number {
    let bytes = 0
    let isAlone = true
    for (const source of this.#deps.sources) {
      if (source.isPrompt && source.isUsable) isAlone = false
      else bytes += source.inFlightBytes
    }
    return isAlone ? Number.NEGATIVE_INFINITY : bytes
  }

  #rarest(source: Source, wanted: PieceSet, start: number): number | undefined {
    const { holders } = this.#deps
    let best: number | undefined
    let rarest = Number.POSITIVE_INFINITY
    let compared = 0
    let looked = 0
    wanted.visitCommon(source.useful, start, (piece) => {
      looked += 1
      if (holders.mayAsk(source, piece)) {
        compared += 1
        const count = holders.count(piece)
        if (count < rarest) {
          best = piece
          rarest = count
        }
      }
      return rarest > 1 && compared < COMPARE && looked < LOOK_AT
    })
    return best
  }
}
