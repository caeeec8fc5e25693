import { type Clock, RateMeter } from '@shoal/core'
import type { Priority } from './scheduler/priority.ts'
import type { Source, SourcePlace } from './scheduler/source.ts'

/** Why a piece was asked of the source that gave it; see `ARRIVAL_REASONS` of the API. */
export type ArrivalReason = 'demanded' | 'raced' | 'origin' | 'near' | 'turn' | 'rarest'

/** Who gives pieces, as far as it said. */
export interface ArrivalSource {
  /** Name of the node, or the peer id of another client. */
  readonly node: string
  readonly zone: string
  readonly rack: string
  readonly isOrigin: boolean
}

/** One piece that came. */
export interface PieceArrival extends ArrivalSource {
  /** How long ago it was here. */
  readonly ageMs: number
  readonly piece: number
  readonly bytes: number
  readonly reason: ArrivalReason
  readonly tookMs: number
}

/** What came from one rack, or from the origin. */
export interface RackArrivals extends Pick<ArrivalSource, 'zone' | 'rack' | 'isOrigin'> {
  readonly bytes: number
  readonly bytesPerSecond: number
}

/** So many racks are told apart; what comes from others counts as from none that is known. */
const MAX_RACKS = 16
const REASON_OF_PLACE: Readonly<Record<SourcePlace, ArrivalReason>> = {
  origin: 'origin',
  near: 'near',
  far: 'turn',
  unknown: 'rarest',
}

interface Ask {
  readonly source: Source
  readonly at: number
  reason: ArrivalReason
}

/** Where the pieces of one layer come from, and why: sums, rates, and of each reason the piece that came last. */
export class Arrivals {
  readonly #clock: Clock
  /** By piece: of whom it is asked, and why. */
  readonly #asks = new Map<number, Ask[]>()
  readonly #reasons = new Map<ArrivalReason, { pieces: number; bytes: number }>()
  readonly #racks = new Map<string, { zone: string; rack: string; isOrigin: boolean; meter: RateMeter }>()
  readonly #samples = new Map<ArrivalReason, Omit<PieceArrival, 'ageMs'> & { readonly at: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A source is asked for a piece, or is to hurry with one that it was asked for. */
  asked(source: Source, piece: number, priority: Priority): void {
    const before = this.#asks.get(piece) ?? []
    const own = before.find((ask) => ask.source === source)
    // Whoever is not asked any more was given up, and that is not a race.
    const others = before.filter((ask) => ask.source !== source && ask.source.asked.has(piece))
    const usual = priority === 'on-demand' ? 'demanded' : REASON_OF_PLACE[source.place]
    const reason = others.length > 0 ? 'raced' : usual
    this.#asks.set(piece, [...others, { source, at: own?.at ?? this.#clock.now(), reason }])
  }

  /** All of a piece came from a source. */
  came(source: Source, from: ArrivalSource, { piece, bytes }: { piece: number; bytes: number }): void {
    const ask = this.#asks.get(piece)?.find((one) => one.source === source)
    this.#asks.delete(piece)
    const at = this.#clock.now()
    // What was not asked for the origin chose.
    const reason = ask?.reason ?? REASON_OF_PLACE[source.place]
    const sums = this.#reasons.get(reason) ?? { pieces: 0, bytes: 0 }
    this.#reasons.set(reason, sums)
    sums.pieces += 1
    sums.bytes += bytes
    this.#meterOf(from).add(bytes)
    this.#samples.set(reason, { ...from, at, piece, bytes, reason, tookMs: at - (ask?.at ?? at) })
  }

  /** By why, in no order. */
  get reasons(): { reason: ArrivalReason; pieces: number; bytes: number }[] {
    return [...this.#reasons].map(([reason, sums]) => ({ reason, ...sums }))
  }

  /** By where from, in no order. */
  get racks(): RackArrivals[] {
    return [...this.#racks.values()].map(({ meter, ...rack }) => {
      return { ...rack, bytes: meter.totalBytes, bytesPerSecond: meter.bytesPerSecond() }
    })
  }

  /** Of each reason the piece that came last, of those that came since this was asked last. */
  takeSamples(): PieceArrival[] {
    const now = this.#clock.now()
    const samples = [...this.#samples.values()].map(({ at, ...sample }) => ({ ...sample, ageMs: now - at }))
    this.#samples.clear()
    return samples
  }

  #meterOf({ zone, rack, isOrigin }: ArrivalSource): RateMeter {
    const key = isOrigin ? 'origin' : `rack ${zone}\n${rack}`
    const known = this.#racks.get(key)
    if (known !== undefined) return known.meter
    // Names are claims: whoever invents new ones is told apart no further.
    const isBound = !isOrigin && zone + rack !== '' && this.#racks.size >= MAX_RACKS
    if (isBound) return this.#meterOf({ node: '', zone: '', rack: '', isOrigin })
    const meter = new RateMeter(this.#clock)
    this.#racks.set(key, { zone: isOrigin ? '' : zone, rack: isOrigin ? '' : rack, isOrigin, meter })
    return meter
  }
}
