import { Bitfield, seededRandom } from '@shoal/core'
import { PieceScheduler } from '../../src/scheduler/piece-scheduler.ts'
import { PieceSet } from '../../src/scheduler/piece-set.ts'
import type { Priority } from '../../src/scheduler/priority.ts'
import type { Source, SourcePlace } from '../../src/scheduler/source.ts'

export const PIECE_BYTES = 256 * 1024

export interface Ask {
  readonly source: Source
  readonly piece: number
  readonly priority: Priority
}

/** A scheduler whose time stands still until it is moved, and what it does. */
export class SchedulerFixture {
  now = 1000
  isAdmitting = true
  /** Places of which nothing may be asked now. */
  readonly refused = new Set<SourcePlace>()
  /** With which priority it was asked whether something may be asked for, and where. */
  readonly admissions: { priority: Priority; place: SourcePlace }[] = []
  /** Not yet answered. */
  readonly asked: Ask[] = []
  readonly cancelled: { source: Source; piece: number }[] = []
  readonly offered: Source[] = []
  /** Called at each request, when it counts already. */
  onAsk: (ask: Ask) => void = () => {}
  readonly scheduler: PieceScheduler
  readonly pieceCount: number

  constructor({ pieceCount = 64, node = 'self', have = [] as number[], seed = 1 } = {}) {
    this.pieceCount = pieceCount
    this.scheduler = new PieceScheduler(
      {
        ask: (source, piece, priority) => {
          const ask = { source, piece, priority }
          this.asked.push(ask)
          this.onAsk(ask)
        },
        cancel: (source, piece) => this.cancelled.push({ source, piece }),
        setOffers: (origin) => this.offered.push(origin),
        admit: (_bytes, priority, place) => {
          this.admissions.push({ priority, place })
          return this.isAdmitting && !this.refused.has(place)
        },
      },
      {
        node,
        pieceCount,
        pieceBytes: () => PIECE_BYTES,
        have: bitfield(pieceCount, have),
        now: () => this.now,
        random: seededRandom(seed),
      },
    )
  }

  /** A source that answers; it has all pieces when it is not said which. */
  add(place: SourcePlace, pieces?: Iterable<number>, node = `${place}-${this.scheduler.sources.size}`): Source {
    const source = this.scheduler.addSource({ node, place })
    // Two pieces in flight, whatever the default.
    source.leastWindowBytes = 2 * PIECE_BYTES
    this.scheduler.setPieces(source, pieceSet(this.pieceCount, pieces ?? range(0, this.pieceCount)))
    this.scheduler.setUsable(source, true)
    return source
  }

  /** The answer to what was asked first arrives and is stored. */
  deliver(): Ask | undefined {
    const ask = this.asked.shift()
    if (ask === undefined) return undefined
    this.scheduler.onReceived(ask.source, ask.piece)
    this.scheduler.onStored(ask.piece)
    return ask
  }

  /** Asks and delivers until nothing more is asked; returns the pieces in the order in which they were asked for. */
  drain(): number[] {
    const pieces: number[] = []
    this.scheduler.fill()
    for (let ask = this.deliver(); ask !== undefined; ask = this.deliver()) {
      pieces.push(ask.piece)
      this.scheduler.fill()
    }
    return pieces
  }

  tickAfter(ms: number): void {
    this.now += ms
    this.scheduler.tick()
  }

  askedOf(source: Source): number[] {
    return this.asked.filter((ask) => ask.source === source).map(({ piece }) => piece)
  }
}

export function pieceSet(pieceCount: number, pieces: Iterable<number>): PieceSet {
  const set = new PieceSet(pieceCount)
  for (const piece of pieces) set.add(piece)
  return set
}

export function bitfield(length: number, ones: Iterable<number>): Bitfield {
  const field = new Bitfield(length)
  for (const one of ones) field.set(one)
  return field
}

export function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index)
}
