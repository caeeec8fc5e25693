import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { createPlan } from './create-plan.ts'
import { describePlan } from './describe-plan.ts'
import { imagesArgument, readRequest, requestOptions } from './request-options.ts'

export const prefetchPlan = defineCommand({
  usage: 'prefetch plan [image..]',
  summary:
    'Plan what start would do, and show when it is done, what it moves and what cannot be met, with the nearest that can (exit 6 then); nothing is kept.',
  positionals: { image: imagesArgument },
  options: requestOptions,
  examples: [
    ['prefetch plan debian-12 --all --deadline 30m', 'whether every node can have it in half an hour'],
    ['prefetch plan web db --vms 200 --vms-per-node 4', 'where 200 VMs of each could go'],
    ['prefetch plan debian-12 --rack r1 --simulate --lose-nodes 30%', 'what becomes of it when nodes die'],
  ],
  run: async (context, args) => {
    const request = await readRequest(context, args, 'shoal prefetch plan')
    const plan = await createPlan(context, { request: { ...request, dryRun: true } })
    context.output.show(plan, () => describePlan(plan, context.clock.now()))
    return plan.unmet.length === 0 ? EXIT.ok : EXIT.incomplete
  },
})
