import type { DesiredState } from '@shoal/api'
import { type Clock, errorCode, type Logger } from '@shoal/core'
import { Alarm } from './alarm.ts'
import { backOffMs, jittered } from './back-off.ts'
import type { PeerRecords } from './peer-records.ts'
import { isNoAnswer, type SeedLink } from './seed-link.ts'

const RECONNECT = { firstMs: 500, lastMs: 30_000 }
/** A stream that lived this long was well: the next reconnect starts from the shortest wait. */
const WELL_MS = 30_000

export interface DesiredStateDeps {
  readonly seed: SeedLink
  readonly records: Pick<PeerRecords, 'desired' | 'saveDesired'>
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly onDesired: (desired: DesiredState) => void
  /** The seed does not know this node. */
  readonly onUnknown: () => void
}

/**
 * Follows this node's desired state. The push channel says that there is something new; what it is comes from a fetch of
 * the whole state, which is made periodically as well: a message that is lost, repeated or late changes nothing.
 */
export class DesiredStateFollower {
  readonly #deps: DesiredStateDeps
  readonly #options: { readonly node: string; readonly intervalMs: number }
  readonly #alarm: Alarm
  #current: DesiredState | undefined

  constructor(deps: DesiredStateDeps, options: { node: string; intervalMs: number }) {
    this.#deps = deps
    this.#options = options
    this.#alarm = new Alarm(deps.clock)
    deps.seed.onReturn(() => this.#alarm.ring())
  }

  get current(): DesiredState | undefined {
    return this.#current
  }

  /** Reads and hands on what an earlier run was told last. */
  async open(): Promise<void> {
    this.#current = await this.#deps.records.desired()
    if (this.#current !== undefined) this.#deps.onDesired(this.#current)
  }

  /** Takes note of a revision that somebody saw. A lower one counts too: the seed may have been restored from a backup. */
  notice(revision: number): void {
    if (revision !== this.#current?.revision) this.#alarm.ring()
  }

  /** Fetches the desired state now and then, and when there is something new, until aborted. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    while (!signal.aborted) {
      await this.#fetch(signal)
      await this.#alarm.wait(jittered(this.#options.intervalMs, this.#deps.random), { signal })
    }
  }

  /** Keeps the push channel open until aborted. */
  async watch({ signal }: { signal: AbortSignal }): Promise<void> {
    const { seed, clock, random, logger } = this.#deps
    let failures = 0
    while (!signal.aborted) {
      const openedAt = clock.elapsed()
      let hasSpoken = false
      try {
        for await (const { data } of seed.watchDesired(this.#options.node, { signal })) {
          hasSpoken = true
          this.notice(data.revision)
        }
      } catch (error) {
        if (signal.aborted) return
        logger.debug({ code: errorCode(error), error }, 'push channel is cut')
        this.#onError(error)
      }
      failures = hasSpoken && clock.elapsed() - openedAt > WELL_MS ? 1 : failures + 1
      await clock.sleep(backOffMs(failures, random, RECONNECT), { signal })
    }
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const { seed, records, logger, onDesired } = this.#deps
    try {
      const { node } = this.#options
      const desired = await seed.call((client) => client.desiredState({ params: { node }, signal }))
      const before = this.#current
      this.#current = desired
      if (before !== undefined && desired.revision < before.revision) {
        logger.warn({ before: before.revision, now: desired.revision }, 'desired state went back; following the seed')
      }
      onDesired(desired)
      if (JSON.stringify(before) !== JSON.stringify(desired)) await records.saveDesired(desired)
    } catch (error) {
      if (signal.aborted) return
      this.#onError(error)
      if (!isNoAnswer(error)) logger.warn({ code: errorCode(error), error }, 'desired state not fetched')
    }
  }

  #onError(error: unknown): void {
    if (errorCode(error) === 'SHOAL_NODE_UNKNOWN') this.#deps.onUnknown()
  }
}
