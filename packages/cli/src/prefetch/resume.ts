import { defineCommand } from '../command.ts'
import { changePlan } from './change-plan.ts'
import { planArgument } from './plan-argument.ts'

export const prefetchResume = defineCommand({
  usage: 'prefetch resume <plan>',
  summary: 'Let a plan go on that was paused.',
  positionals: { plan: planArgument },
  examples: [['prefetch resume latest', 'where it stopped']],
  run: (context, args) => changePlan(context, args.plan, { paused: false }),
})
