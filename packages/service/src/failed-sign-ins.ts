import type { Clock } from '@shoal/core'
import { ClientRates } from './client-rates.ts'
import { serviceError } from './errors.ts'

/** So many failures in a row an address may have, and then one in ten seconds. */
const BURST = 20
const PER_SECOND = 0.1

/**
 * Slows down addresses from which requests come without valid credentials. Valid tokens go on being taken from there: they
 * cannot be guessed, and a node with a token that was replaced is not to lock out its neighbours behind the same address.
 */
export class FailedSignIns {
  readonly #rates: ClientRates

  constructor(clock: Pick<Clock, 'now'>) {
    this.#rates = new ClientRates(clock, { perSecond: PER_SECOND, burst: BURST })
  }

  /** Throws `SHOAL_HTTP_FAILURES` when an address has had too many failures to be asked again now. */
  check(address: string): void {
    refuse(this.#rates.wait(address))
  }

  /** Notes a failure. Throws `SHOAL_HTTP_FAILURES` when it is one too many. */
  note(address: string): void {
    refuse(this.#rates.take(address))
  }
}

function refuse(retryAfterSeconds: number): void {
  if (retryAfterSeconds > 0) throw serviceError('SHOAL_HTTP_FAILURES', { retryAfterSeconds })
}
