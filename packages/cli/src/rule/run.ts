import { defineCommand } from '../command.ts'
import { PLAN_TIMEOUT_MS } from '../prefetch/create-plan.ts'
import { startedPlan } from '../prefetch/started-plan.ts'
import { ruleArgument } from './rule-argument.ts'

export const ruleRun = defineCommand({
  usage: 'rule run <rule>',
  summary: 'Let a rule act now, and print the plan that it makes; exits 6 when it cannot be met in full.',
  positionals: { rule: ruleArgument },
  options: {
    wait: { type: 'boolean', default: false, describe: 'Follow it to its end, and exit as "prefetch watch" does' },
  },
  examples: [['rule run nightly --wait', 'try a rule before its time']],
  run: async (context, args) => {
    const { client, signal } = context
    const plan = await client.runPrefetchRule({ params: { rule: args.rule }, signal, timeoutMs: PLAN_TIMEOUT_MS })
    return startedPlan(context, plan, { wait: args.wait, readyShare: undefined })
  },
})
