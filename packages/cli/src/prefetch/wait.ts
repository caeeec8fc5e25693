import { defineCommand } from '../command.ts'
import { parseDuration } from '../format/parse-duration.ts'
import { endWait } from './end-wait.ts'
import { parseShare } from './parse-share.ts'
import { planArgument } from './plan-argument.ts'
import { resolvePlanId } from './resolve-plan.ts'
import { waitReady } from './wait-ready.ts'

const COMMAND = 'shoal prefetch wait'

export const prefetchWait = defineCommand({
  usage: 'prefetch wait <plan>',
  summary:
    'Wait until enough nodes of a plan are ready: exit 0 then, 6 when that is not to be or the time is over, 1 when the plan failed.',
  positionals: { plan: planArgument },
  options: {
    ready: { type: 'string', requiresArg: true, default: '100%', describe: 'Share of the nodes that is enough' },
    timeout: {
      type: 'string',
      requiresArg: true,
      describe: 'How long at most, as 10m; without it, until the plan ends or can do no more',
    },
  },
  examples: [['prefetch wait latest --ready 90% --timeout 10m', 'and boot when nine nodes of ten are ready']],
  run: async (context, args) => {
    const readyShare = parseShare(args.ready, COMMAND)
    const time = args.timeout === undefined ? {} : { timeoutMs: parseDuration(args.timeout, COMMAND) }
    const plan = await resolvePlanId(context.client, args.plan, { signal: context.signal })
    const result = await waitReady(context, { plan, readyShare, ...time })
    if (context.output.isJson) context.output.show(result, () => '')
    return endWait(context, result)
  },
})
