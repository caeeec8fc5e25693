import { cliError } from '../errors.ts'
import { readDuration } from './parse-duration.ts'

const TIME = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?$/
/** What a time of the API can say: years have four digits. */
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z')
const EXAMPLES = '2026-01-31T18:00:00Z or 2026-01-31T18:00:00+02:00, or 90m, 2h or 7d from now'

/**
 * A time to come, as ISO 8601 in UTC: of one that is written with its zone, or of a duration from now. Throws `SHOAL_CLI_USAGE`,
 * also for what is over already; its hint names `command`.
 */
export function parseMoment(text: string, nowMs: number, command = 'shoal'): string {
  const fail = (reason: string) => cliError('SHOAL_CLI_USAGE', { reason: `"${text}" ${reason}.`, command })
  const durationMs = readDuration(text)
  const at = durationMs === undefined ? readTime(text) : nowMs + durationMs
  if (at === undefined) throw fail(`is no time: write ${EXAMPLES}`)
  if (at === 'no zone') throw fail('has no time zone: end it with Z or with +02:00, for example')
  if (at > LATEST_MS) throw fail('is too far away: leave it out when it shall never end')
  if (at <= nowMs) throw fail('is over already')
  return new Date(at).toISOString()
}

function readTime(text: string): number | 'no zone' | undefined {
  const [whole, day, zone] = TIME.exec(text.trim()) ?? []
  if (whole === undefined || day === undefined) return undefined
  // Date takes 31 June for 1 July, and what has no zone for local time.
  const date = new Date(`${day}T00:00:00Z`)
  const isReal = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day)
  const at = Date.parse(whole)
  if (!isReal || Number.isNaN(at)) return undefined
  return zone === undefined ? 'no zone' : at
}
