import { PLAN_NODE_STATES, type PlanNode } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { readAll } from '../page-reader.ts'
import { describePlan } from './describe-plan.ts'
import { formatPlanNodes } from './node-table.ts'
import { planArgument } from './plan-argument.ts'
import { resolvePlanId } from './resolve-plan.ts'

export const prefetchShow = defineCommand({
  usage: 'prefetch show <plan>',
  summary: 'Show a plan: how far it is, what it expects, what cannot be met, and what holds up its slowest nodes.',
  positionals: { plan: planArgument },
  options: {
    nodes: { type: 'boolean', describe: 'List all of its nodes instead, and what holds each up' },
    state: {
      type: 'string',
      choices: PLAN_NODE_STATES,
      requiresArg: true,
      implies: 'nodes',
      describe: 'Only nodes in this state, with --nodes',
    },
  },
  examples: [
    ['prefetch show latest', 'the plan that was asked for last'],
    ['prefetch show nightly --nodes --state failed', 'which nodes cannot take it, and why'],
  ],
  run: async ({ client, output, signal, clock }, args) => {
    const plan = await resolvePlanId(client, args.plan, { signal })
    if (!args.nodes) {
      const shown = await client.showPrefetch({ params: { plan }, signal })
      output.show(shown, () => describePlan(shown, clock.now()))
      return EXIT.ok
    }
    const nodes = await readAll(
      (query) => client.listPrefetchNodes({ params: { plan }, query: { ...query, state: args.state }, signal }),
      (page) => page.nodes,
    )
    output.show({ nodes, next: null }, () => formatNodes(nodes, { state: args.state, now: clock.now() }))
    return EXIT.ok
  },
})

function formatNodes(nodes: readonly PlanNode[], { state, now }: { state: string | undefined; now: number }): string {
  if (nodes.length > 0) return formatPlanNodes(nodes, now)
  return state === undefined ? 'The plan has no nodes.' : `No node of the plan is ${state}.`
}
