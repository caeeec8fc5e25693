import type { PrefetchRequest } from '@shoal/api'
import type { InferredOptionTypes, Options } from 'yargs'
import { parseMoment } from '../format/moment.ts'
import { present } from './present.ts'

const moment = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const satisfies Options

/** Options that say when: a time with its zone, a duration from now, or none. */
export const timeOptions = {
  'not-before': moment('Move nothing to nodes before: 2026-01-31T18:00Z, 90m, 2h, 7d, or none'),
  deadline: moment('When every node should have it, written alike'),
  'pin-until': moment('Until when no node evicts it, written alike (default: until the plan expires)'),
  expires: moment(
    'When the plan is given up if it is not done, written alike (default: a day after the deadline, or a week)',
  ),
} as const satisfies Record<string, Options>

type TimeArgs = Partial<InferredOptionTypes<typeof timeOptions>>

/** The times of a plan, as far as they were said; `none` is null. Throws `SHOAL_CLI_USAGE`, whose hint names `command`. */
export function timesOf(
  args: TimeArgs,
  { nowMs, command }: { nowMs: number; command: string },
): Pick<PrefetchRequest, 'notBefore' | 'deadline' | 'pinnedUntil' | 'expiresAt'> {
  const read = (text: string | undefined) => {
    if (text === undefined) return undefined
    return text === 'none' ? null : parseMoment(text, nowMs, command)
  }
  return present({
    notBefore: read(args['not-before']),
    deadline: read(args.deadline),
    pinnedUntil: read(args['pin-until']),
    expiresAt: read(args.expires),
  })
}
