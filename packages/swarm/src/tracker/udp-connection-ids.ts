import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '@shoal/core'

/** A client may use an id for one minute, a tracker takes it for two (BEP 15). */
const WINDOW_MS = 60_000
const ID_BYTES = 8

/**
 * Connection ids that show that a sender gets what is sent to its address, so that nobody announces or stops a peer in another's
 * name and no answer goes to somebody who did not ask. Nothing is kept for each sender.
 */
export class UdpConnectionIds {
  readonly #clock: Clock
  readonly #secret = randomBytes(32)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  issue(host: string, port: number): Buffer {
    return this.#id(host, port, this.#window())
  }

  accepts(id: Uint8Array, host: string, port: number): boolean {
    const window = this.#window()
    return [window, window - 1].some((each) => this.#id(host, port, each).equals(id))
  }

  #window(): number {
    return Math.floor(this.#clock.now() / WINDOW_MS)
  }

  #id(host: string, port: number, window: number): Buffer {
    const hash = createHmac('sha256', this.#secret).update(`${host} ${port} ${window}`).digest()
    return hash.subarray(0, ID_BYTES)
  }
}
