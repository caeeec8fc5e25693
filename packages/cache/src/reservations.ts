/** Room that was promised to what is not there yet. */
export interface Reservation {
  readonly name: string
  readonly bytes: number
  /** It is there now, or does not come: from then on what is really occupied counts. Idempotent. */
  end(): void
}

/**
 * Bytes that are promised, by name. Promises to one name are for one thing: the largest counts, and it counts until the
 * last of them has ended.
 */
export class Reservations {
  readonly #open = new Set<Reservation>()

  add(name: string, bytes: number): Reservation {
    const reservation = { name, bytes, end: () => void this.#open.delete(reservation) }
    this.#open.add(reservation)
    return reservation
  }

  /** What is promised now. */
  promised(): Map<string, number> {
    const promised = new Map<string, number>()
    for (const { name, bytes } of this.#open) promised.set(name, Math.max(bytes, promised.get(name) ?? 0))
    return promised
  }
}
