import { cliError } from '../errors.ts'

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}
const DURATION = /^(\d{1,9}(?:\.\d{1,3})?)\s*(s|m|min|h|d|w)$/

/** A duration as people write it, in milliseconds: `90s`, `10m`, `2h`, `7d`; undefined when it is none. */
export function readDuration(text: string): number | undefined {
  const [, count, unit = ''] = DURATION.exec(text.trim()) ?? []
  const unitMs = UNITS_MS[unit]
  return count === undefined || unitMs === undefined ? undefined : Math.round(Number(count) * unitMs)
}

/** As {@link readDuration}, of a second or more. Throws `SHOAL_CLI_USAGE`, whose hint names `command`. */
export function parseDuration(text: string, command = 'shoal'): number {
  const durationMs = readDuration(text)
  const fail = (reason: string) => cliError('SHOAL_CLI_USAGE', { reason: `"${text}" ${reason}.`, command })
  if (durationMs === undefined) throw fail('is no duration: write 90s, 10m, 2h or 7d')
  if (durationMs < 1000) throw fail('is less than a second')
  return durationMs
}
