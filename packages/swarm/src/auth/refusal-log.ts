import type { Clock, Logger } from '@shoal/core'
import type { AccessRefusal } from './swarm-identity.ts'

/** The same from one host is told so often. */
const EVERY_MS = 60_000
const MAX_REMEMBERED = 1000

/** Tells of refusals without letting those who are refused fill the log. */
export class RefusalLog {
  readonly #clock: Clock
  readonly #logger: Logger
  /** When the same was told last, and how often it came since. */
  readonly #told = new Map<string, { at: number; repeated: number }>()

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  note(refusal: AccessRefusal): void {
    const { kind, reason, address } = refusal
    const key = `${kind} ${reason} ${address.replace(/:\d+$/, '')}`
    const now = this.#clock.now()
    const before = this.#told.get(key)
    if (before !== undefined && Math.abs(now - before.at) < EVERY_MS) {
      before.repeated += 1
      return
    }
    this.#told.delete(key)
    this.#told.set(key, { at: now, repeated: 0 })
    const [oldest] = this.#told.keys()
    if (this.#told.size > MAX_REMEMBERED && oldest !== undefined) this.#told.delete(oldest)
    this.#logger.warn({ ...refusal, repeated: before?.repeated ?? 0 }, 'refused somebody in the swarm')
  }
}
