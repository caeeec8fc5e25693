import { defineCommand } from '../command.ts'
import { endPlan } from './end-plan.ts'
import { followPlan } from './follow-plan.ts'
import { planArgument } from './plan-argument.ts'
import { createPlanView } from './plan-view.ts'
import { idOf, resolvePlan } from './resolve-plan.ts'

export const prefetchWatch = defineCommand({
  usage: 'prefetch watch <plan>',
  summary:
    'Follow a plan to its end: exit 0 when it is done, 6 when it is done in part, cancelled or expired, 1 when it failed.',
  positionals: { plan: planArgument },
  examples: [
    ['prefetch watch latest', 'the plan that was asked for last'],
    ['prefetch watch nightly --json', 'every update as one JSON object a line'],
  ],
  run: async (context, args) => {
    const found = await resolvePlan(context.client, args.plan, { signal: context.signal })
    const label = { id: idOf(found), name: found.name, deadline: found.deadline }
    const last = await followPlan(context, { plan: label.id, view: createPlanView(context, label) })
    return endPlan(context, last, label)
  },
})
