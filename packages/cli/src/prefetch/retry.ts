import { defineCommand } from '../command.ts'
import { PLAN_TIMEOUT_MS } from './create-plan.ts'
import { planArgument } from './plan-argument.ts'
import { resolvePlanId } from './resolve-plan.ts'
import { startedPlan } from './started-plan.ts'

export const prefetchRetry = defineCommand({
  usage: 'prefetch retry <plan>',
  summary:
    'Plan anew what is missing of a plan, whatever became of it, and start it; exits 6 when it cannot be met in full.',
  positionals: { plan: planArgument },
  options: {
    wait: { type: 'boolean', default: false, describe: 'Follow it to its end, and exit as "prefetch watch" does' },
  },
  examples: [['prefetch retry nightly --wait', 'when the disks that were full have room again']],
  run: async (context, args) => {
    const { client, signal } = context
    const id = await resolvePlanId(client, args.plan, { signal })
    const plan = await client.retryPrefetch({ params: { plan: id }, signal, timeoutMs: PLAN_TIMEOUT_MS })
    return startedPlan(context, plan, { wait: args.wait, readyShare: undefined })
  },
})
