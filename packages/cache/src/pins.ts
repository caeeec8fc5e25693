import { createHash } from 'node:crypto'
import { type Clock, type Digest, digestHex } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import { cacheError } from './errors.ts'
import { isExpired, type Pin } from './pin.ts'

const PREFIX = 'cache/pin/'

/** The pins that survive a restart; a layer has at most one of each owner. */
export class Pins {
  readonly #state: StateStore
  readonly #clock: Clock
  readonly #pins = new Map<string, Pin>()

  constructor(deps: { state: StateStore; clock: Clock }) {
    this.#state = deps.state
    this.#clock = deps.clock
  }

  async open(): Promise<void> {
    for await (const { key, value } of this.#state.range<Pin>({ prefix: PREFIX })) this.#pins.set(key, value)
    await this.expire()
  }

  /** Those that hold now. */
  all(): Pin[] {
    const now = this.#clock.now()
    return [...this.#pins.values()].filter((pin) => !isExpired(pin, now))
  }

  of(digest: Digest): Pin[] {
    return this.all().filter((pin) => pin.digest === digest)
  }

  /** Durable when it resolves; the same owner's pin on the layer is replaced. The layer need not be there yet. */
  async add(pin: Omit<Pin, 'since'>): Promise<Pin> {
    const key = keyOf(pin)
    const added = { ...pin, since: this.#pins.get(key)?.since ?? this.#clock.now() }
    await this.#state.put(key, added)
    this.#pins.set(key, added)
    return added
  }

  /** Throws `SHOAL_CACHE_PIN_UNKNOWN`. */
  async remove({ digest, kind, owner }: Pick<Pin, 'digest' | 'kind' | 'owner'>): Promise<void> {
    const key = keyOf({ digest, kind, owner })
    if (!this.#pins.has(key)) throw cacheError('SHOAL_CACHE_PIN_UNKNOWN', { digest, owner })
    await this.#state.delete(key)
    this.#pins.delete(key)
  }

  /** Forgets those whose time is over. */
  async expire(): Promise<void> {
    const now = this.#clock.now()
    const over = [...this.#pins].filter(([, pin]) => isExpired(pin, now))
    if (over.length === 0) return
    await this.#state.batch(over.map(([key]) => ({ type: 'delete', key })))
    for (const [key] of over) this.#pins.delete(key)
  }
}

function keyOf({ digest, kind, owner }: Pick<Pin, 'digest' | 'kind' | 'owner'>): string {
  // Owners are words of people: a key has no room for all of them.
  return `${PREFIX}${digestHex(digest)}/${kind}/${createHash('sha256').update(owner).digest('base64url')}`
}
