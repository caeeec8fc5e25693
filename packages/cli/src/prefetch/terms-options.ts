import { DEFAULT_PLAN_WEIGHT, DEFAULT_PRIORITY, type PrefetchRequest } from '@shoal/api'
import type { InferredOptionTypes, Options } from 'yargs'
import { cliError } from '../errors.ts'
import { parseLimit } from '../limits/rate.ts'
import { present } from './present.ts'

/** Options that say what a plan may use, of plans and of rules. */
export const termsOptions = {
  priority: {
    type: 'number',
    requiresArg: true,
    describe: `Order among plans and other assignments, 0 to 100, higher first (default ${DEFAULT_PRIORITY})`,
  },
  weight: {
    type: 'number',
    requiresArg: true,
    describe: `Share among plans of equal priority, 1 to 100 (default ${DEFAULT_PLAN_WEIGHT})`,
  },
  limit: {
    type: 'string',
    requiresArg: true,
    describe: 'What all nodes together receive by the plan: 200MB/s, 2Gbit/s or none',
  },
  'node-limit': { type: 'string', requiresArg: true, describe: 'What one node receives by the plan: 20MB/s or none' },
} as const satisfies Record<string, Options>

type TermsArgs = Partial<InferredOptionTypes<typeof termsOptions>>

/** What a plan may use, as far as it was said. Throws `SHOAL_CLI_USAGE`, whose hint names `command`. */
export function termsOf(args: TermsArgs, command: string): Pick<PrefetchRequest, 'priority' | 'weight' | 'limits'> {
  const limits = present({
    bytesPerSecond: planLimit(args.limit, '--limit', command),
    nodeBytesPerSecond: planLimit(args['node-limit'], '--node-limit', command),
  })
  return present({
    priority: args.priority,
    weight: args.weight,
    limits: Object.keys(limits).length === 0 ? undefined : limits,
  })
}

function planLimit(text: string | undefined, option: string, command: string): number | null | undefined {
  if (text === undefined) return undefined
  const parsed = parseLimit(text)
  const fail = (reason: string) => cliError('SHOAL_CLI_USAGE', { reason: `${option}: ${reason}`, command })
  if ('reason' in parsed) throw fail(parsed.reason)
  if (parsed.limit === 'configured') throw fail('a plan has no configured limit: write 200MB/s, for example, or none.')
  return parsed.limit
}
