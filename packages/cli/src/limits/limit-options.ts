import type { LimitsChange } from '@shoal/api'
import type { Options } from 'yargs'
import { LIMIT_NAMES } from './limit-names.ts'
import { parseLimit } from './rate.ts'

const option = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const satisfies Options

/** An option for each limit. */
export const limitOptions: Readonly<Record<string, ReturnType<typeof option>>> = Object.fromEntries(
  LIMIT_NAMES.map(({ name, meaning }) => [name, option(meaning)]),
)

/** The limits that were given, and what is wrong with them. */
export function readLimits(args: Readonly<Record<string, unknown>>): { change: LimitsChange; faults: string[] } {
  const fleet: Omit<LimitsChange, 'node'> = {}
  const node: NonNullable<LimitsChange['node']> = {}
  const faults: string[] = []
  for (const { name, field } of LIMIT_NAMES) {
    const { [name]: text } = args
    if (typeof text !== 'string') continue
    const parsed = parseLimit(text)
    if ('reason' in parsed) faults.push(`--${name}: ${parsed.reason}`)
    else if (field.of === 'fleet') fleet[field.key] = parsed.limit
    else node[field.key] = parsed.limit
  }
  return { change: Object.keys(node).length === 0 ? fleet : { ...fleet, node }, faults }
}
