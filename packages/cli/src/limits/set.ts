import type { LimitsChange } from '@shoal/api'
import type { Options } from 'yargs'
import { defineCommand } from '../command.ts'
import { cliError } from '../errors.ts'
import { EXIT } from '../exit-code.ts'
import { LIMIT_NAMES } from './limit-names.ts'
import { formatLimits } from './limit-table.ts'
import { parseLimit } from './rate.ts'

const option = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const satisfies Options

export const limitsSet = defineCommand({
  usage: 'limits set',
  summary:
    'Set limits on transfers, at once and until they are set again: a rate (50MB/s, 50MiB/s, 400Mbit/s), none, or configured for what the configuration of the seed says.',
  options: Object.fromEntries(LIMIT_NAMES.map(({ name, meaning }) => [name, option(meaning)])),
  examples: [
    ['limits set --library 50MB/s --seed-up 1GB/s', 'what the seed reads and sends'],
    ['limits set --cross-rack 2Gbit/s --prefetch none', 'of every node, unless its own configuration is lower'],
    ['limits set --library configured', 'back to the configuration'],
  ],
  run: async ({ client, output, signal }, args) => {
    const limits = await client.setLimits({ body: changeOf(args), signal })
    output.show(limits, () => formatLimits(limits))
    return EXIT.ok
  },
})

/** Throws `SHOAL_CLI_USAGE`, with every fault, before anything is changed. */
function changeOf(args: Readonly<Record<string, unknown>>): LimitsChange {
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
  const isEmpty = Object.keys({ ...fleet, ...node }).length === 0
  if (isEmpty && faults.length === 0) faults.push('Say which limit: --library 50MB/s, for example.')
  if (faults.length > 0) throw cliError('SHOAL_CLI_USAGE', { reason: faults.join(' '), command: 'shoal limits set' })
  return Object.keys(node).length === 0 ? fleet : { ...fleet, node }
}
