import type { LimitsWindow } from '@shoal/api'
import { seedError } from '../errors.ts'
import { ZoneTime } from './zone-time.ts'

/** Throws `SHOAL_LIMITS_WINDOW_NAME` and `SHOAL_LIMITS_TIME_ZONE`. */
export function checkWindows(windows: readonly LimitsWindow[]): void {
  const names = new Set<string>()
  for (const { name, timeZone } of windows) {
    if (names.has(name)) throw seedError('SHOAL_LIMITS_WINDOW_NAME', { window: name })
    names.add(name)
    try {
      new ZoneTime(timeZone)
    } catch (error) {
      throw seedError('SHOAL_LIMITS_TIME_ZONE', { window: name, timeZone }, error)
    }
  }
}
