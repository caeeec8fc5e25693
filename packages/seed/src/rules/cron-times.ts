import { errorMessage } from '@shoal/core'
import { Cron } from 'croner'
import { seedError } from '../errors.ts'

/** A time that was missed by more than this is not made up for. */
export const MAX_MISSED_MS = 24 * 60 * 60 * 1000
const MIN_INTERVAL_MS = 60_000
/** Any time will do to try an expression at; with a fixed one the same is accepted in every year. */
const TRIAL = new Date('2000-01-01T00:00:00Z')

/**
 * The times of a cron expression in a time zone, as croner has them: a fixed time that the clock leaps over comes right
 * after the leap, and one that the clock shows twice comes once. Times are milliseconds since the epoch.
 */
export class CronTimes {
  readonly #cron: Cron
  #asked: number | undefined
  #answer: number | undefined

  /** Throws `SHOAL_RULE_TIME_ZONE` or `SHOAL_RULE_CRON`. */
  constructor(cron: string, timeZone: string) {
    checkTimeZone(timeZone)
    const wrong = (reason: string, cause?: unknown) => seedError('SHOAL_RULE_CRON', { cron, reason }, cause)
    // croner also takes nicknames and single dates, which are no cron expressions of five or six fields.
    const fields = cron.match(/\S+/g)?.length ?? 0
    if (fields !== 5 && fields !== 6) throw wrong(`it has ${fields} fields, not five or six`)
    let trial: Date[]
    try {
      this.#cron = new Cron(cron, { timezone: timeZone, mode: '5-or-6-parts', paused: true })
      trial = this.#cron.nextRuns(3, TRIAL)
    } catch (error) {
      throw wrong(errorMessage(error), error)
    }
    if (trial.length === 0) throw wrong('that time never comes')
    // Of three times in a row two are in the same minute if any minute has more than one.
    const isTooOften = trial.some(
      (time, index) => time.getTime() - (trial[index - 1]?.getTime() ?? 0) < MIN_INTERVAL_MS,
    )
    if (isTooOften) throw wrong('it comes more than once a minute')
  }

  /** The first time after this one; `undefined` when none follows. */
  next(afterMs: number): number | undefined {
    if (this.#asked !== afterMs) {
      this.#answer = this.#cron.nextRun(new Date(afterMs))?.getTime()
      this.#asked = afterMs
    }
    return this.#answer
  }

  /** The last time that has come since; `undefined` when none has, or when it is too long ago to be made up for. */
  due(afterMs: number, nowMs: number): number | undefined {
    const next = this.next(afterMs)
    if (next === undefined || next > nowMs) return undefined
    // croner looks before the reference; times have whole seconds.
    const last = this.#cron.previousRuns(1, new Date(nowMs + 1))[0]?.getTime() ?? next
    return nowMs - last < MAX_MISSED_MS ? last : undefined
  }
}

function checkTimeZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch (error) {
    throw seedError('SHOAL_RULE_TIME_ZONE', { timeZone }, error)
  }
}
