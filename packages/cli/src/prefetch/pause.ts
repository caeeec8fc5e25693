import { defineCommand } from '../command.ts'
import { changePlan } from './change-plan.ts'
import { planArgument } from './plan-argument.ts'

export const prefetchPause = defineCommand({
  usage: 'prefetch pause <plan>',
  summary: 'Stop the transfers of a plan until it is resumed; what nodes have, they keep and serve.',
  positionals: { plan: planArgument },
  examples: [['prefetch pause latest', 'make room for something else']],
  run: (context, args) => changePlan(context, args.plan, { paused: true }),
})
