import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { describePlan } from './describe-plan.ts'
import { planArgument } from './plan-argument.ts'
import { resolvePlanId } from './resolve-plan.ts'

export const prefetchCancel = defineCommand({
  usage: 'prefetch cancel <plan>',
  summary: 'Cancel a plan: its transfers stop and its pins end; nodes keep the layers that are complete.',
  positionals: { plan: planArgument },
  options: { drop: { type: 'boolean', describe: 'Take complete layers back as well' } },
  examples: [['prefetch cancel latest --drop', 'as if it had never been']],
  run: async ({ client, clock, output, signal }, args) => {
    const id = await resolvePlanId(client, args.plan, { signal })
    const plan = await client.cancelPrefetch({ params: { plan: id }, query: { drop: args.drop }, signal })
    output.show(plan, () => describePlan(plan, clock.now()))
    return EXIT.ok
  },
})
