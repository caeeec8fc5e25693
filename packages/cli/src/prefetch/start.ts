import { randomUUID } from 'node:crypto'
import { defineCommand } from '../command.ts'
import { createPlan } from './create-plan.ts'
import { parseShare } from './parse-share.ts'
import { imagesArgument, readRequest, requestOptions } from './request-options.ts'
import { startedPlan } from './started-plan.ts'

const COMMAND = 'shoal prefetch start'

export const prefetchStart = defineCommand({
  usage: 'prefetch start [image..]',
  summary:
    'Bring images to nodes before VMs boot from them; prints the id of the plan, and exits 6 when it cannot be met in full, 1 when not at all.',
  positionals: { image: imagesArgument },
  options: {
    ...requestOptions,
    wait: {
      type: 'boolean',
      conflicts: 'wait-ready',
      describe: 'Follow it to its end, and exit as "prefetch watch" does',
    },
    'wait-ready': {
      type: 'string',
      requiresArg: true,
      describe: 'Wait until this share of its nodes is ready, as 90%; exit as "prefetch wait" does',
    },
    'idempotency-key': {
      type: 'string',
      requiresArg: true,
      describe:
        'The same request with the same key gives the same plan, so write its times out (default: a key of its own each time)',
    },
  },
  examples: [
    ['prefetch start debian-12 --all --wait', 'to every node, and see how far it is'],
    ['prefetch start web --aggregate gpu --deadline 2h --limit 2Gbit/s', 'in two hours, at two gigabits at the most'],
    ['prefetch start web --all --wait-ready 90%', 'and boot when nine nodes of ten are ready'],
    ['prefetch start web --aggregate gpu --form file', "before Nova's own precaching of an aggregate"],
    ['prefetch start --file plan.json --idempotency-key build-4711', 'from a pipeline that may run twice'],
  ],
  run: async (context, args) => {
    const readyShare = args['wait-ready'] === undefined ? undefined : parseShare(args['wait-ready'], COMMAND)
    const request = await readRequest(context, args, COMMAND)
    const key = args['idempotency-key'] ?? randomUUID()
    const plan = await createPlan(context, { request: { ...request, dryRun: false }, key })
    return startedPlan(context, plan, { wait: args.wait ?? false, readyShare })
  },
})
