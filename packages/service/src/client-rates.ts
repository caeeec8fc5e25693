import type { Clock } from '@shoal/core'

interface Allowance {
  left: number
  at: number
}

/** A table with an entry for every client of a day would be one that anybody can fill. */
const MAX_CLIENTS = 10_000

/** A token bucket for each client, in a table that forgets those who were not seen for the longest. */
export class ClientRates {
  readonly #clock: Pick<Clock, 'now'>
  readonly #perSecond: number
  readonly #burst: number
  readonly #clients = new Map<string, Allowance>()

  constructor(clock: Pick<Clock, 'now'>, options: { readonly perSecond: number; readonly burst: number }) {
    this.#clock = clock
    this.#perSecond = options.perSecond
    this.#burst = options.burst
  }

  get size(): number {
    return this.#clients.size
  }

  /** Takes one of what a client may do; gives the seconds to wait when there is none left. */
  take(client: string): number {
    const allowance = this.#look(client)
    if (allowance.left < 1) return this.#wait(allowance)
    allowance.left -= 1
    this.#clients.delete(client)
    this.#clients.set(client, allowance)
    const [oldest] = this.#clients.keys()
    if (this.#clients.size > MAX_CLIENTS && oldest !== undefined) this.#clients.delete(oldest)
    return 0
  }

  /** The seconds until a client may do something again; takes nothing. */
  wait(client: string): number {
    return this.#clients.has(client) ? this.#wait(this.#look(client)) : 0
  }

  #wait({ left }: Allowance): number {
    return left < 1 ? Math.max(Math.ceil((1 - left) / this.#perSecond), 1) : 0
  }

  #look(client: string): Allowance {
    const now = this.#clock.now()
    const { left, at } = this.#clients.get(client) ?? { left: this.#burst, at: now }
    // A clock that was set back gives nothing, and takes nothing.
    const gained = (Math.max(now - at, 0) / 1000) * this.#perSecond
    const allowance = { left: Math.min(left + gained, this.#burst), at: now }
    if (this.#clients.has(client)) this.#clients.set(client, allowance)
    return allowance
  }
}
