/** Room that was promised to what is not there yet. */
export interface Reservation {
  readonly name: string
  readonly bytes: number
  /** It is there now, or does not come: from then on what is really occupied counts. Idempotent. */
  end(): void
}

/** Bytes that are promised. What grows into its promise counts as the promise, not twice. */
export class Reservations {
  readonly #open = new Set<Reservation>()

  add(name: string, bytes: number): Reservation {
    const reservation = { name, bytes, end: () => void this.#open.delete(reservation) }
    this.#open.add(reservation)
    return reservation
  }

  /**
   * Bytes that are taken when each of these things occupies so many: what has a promise counts as that, or as more if it has
   * outgrown it.
   */
  takenBytes(occupied: ReadonlyMap<string, number>): number {
    let taken = 0
    for (const bytes of occupied.values()) taken += bytes
    for (const { name, bytes } of this.#open) taken += Math.max(0, bytes - (occupied.get(name) ?? 0))
    return taken
  }

  [Symbol.iterator](): Iterator<Reservation> {
    return this.#open.values()
  }
}
