import type { PrefetchChange } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { cliError } from '../errors.ts'
import { changePlan } from './change-plan.ts'
import { planArgument } from './plan-argument.ts'
import { present } from './present.ts'
import { termsOf, termsOptions } from './terms-options.ts'
import { timeOptions, timesOf } from './time-options.ts'

const COMMAND = 'shoal prefetch set'

export const prefetchSet = defineCommand({
  usage: 'prefetch set <plan>',
  summary: 'Change the terms of a plan while it runs; what is not said stays.',
  positionals: { plan: planArgument },
  options: {
    ...termsOptions,
    ...timeOptions,
    name: { type: 'string', requiresArg: true, describe: 'Name of the plan, for people' },
  },
  examples: [
    ['prefetch set latest --limit 50MB/s --priority 20', 'let others go first'],
    ['prefetch set nightly --limit none --deadline none', 'as fast as it goes, by no time'],
  ],
  run: async (context, args) => {
    const change: PrefetchChange = {
      ...present({ name: args.name }),
      ...termsOf(args, COMMAND),
      ...timesOf(args, { nowMs: context.clock.now(), command: COMMAND }),
    }
    if (Object.keys(change).length === 0) {
      throw cliError('SHOAL_CLI_USAGE', { reason: 'Say what to change: --priority 80, for example.', command: COMMAND })
    }
    return changePlan(context, args.plan, change)
  },
})
