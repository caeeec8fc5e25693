import type { LimitsChange } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { cliError } from '../errors.ts'
import { EXIT } from '../exit-code.ts'
import { limitOptions, readLimits } from './limit-options.ts'
import { formatLimits } from './limit-table.ts'

export const limitsSet = defineCommand({
  usage: 'limits set',
  summary:
    'Set limits on transfers, at once and until they are set again: a rate (50MB/s, 50MiB/s, 400Mbit/s), none, or configured for what the schedule or the configuration of the seed says.',
  options: limitOptions,
  examples: [
    ['limits set --library 50MB/s --seed-up 1GB/s', 'what the seed reads and sends'],
    ['limits set --rack-uplink 20Gbit/s', 'of each rack; the nodes in it share it'],
    ['limits set --cross-rack 2Gbit/s --prefetch none', 'of every node, unless its own configuration is lower'],
    ['limits set --library configured', 'back to the schedule or the configuration'],
  ],
  run: async ({ client, output, clock, signal }, args) => {
    const limits = await client.setLimits({ body: changeOf(args), signal })
    output.show(limits, () => formatLimits(limits, clock.now()))
    return EXIT.ok
  },
})

/** Throws `SHOAL_CLI_USAGE`, with every fault, before anything is changed. */
function changeOf(args: Readonly<Record<string, unknown>>): LimitsChange {
  const { change, faults } = readLimits(args)
  const isEmpty = Object.keys(change).length === 0
  if (isEmpty && faults.length === 0) faults.push('Say which limit: --library 50MB/s, for example.')
  if (faults.length > 0) throw cliError('SHOAL_CLI_USAGE', { reason: faults.join(' '), command: 'shoal limits set' })
  return change
}
