import { PLAN_STATES, type PlanSummary } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { formatBytes, formatRate } from '../format/bytes.ts'
import { formatAgo } from '../format/duration.ts'
import { type Column, formatTable } from '../format/table.ts'
import { readAll } from '../page-reader.ts'
import { formatShare, formatWithin } from './node-table.ts'

const columns = (now: number): readonly Column<PlanSummary>[] => [
  { title: 'PLAN', value: ({ id }) => id ?? '' },
  { title: 'NAME', value: ({ name }) => name },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'READY', align: 'right', value: ({ progress: { nodes } }) => `${nodes.ready}/${nodes.total}` },
  {
    title: 'DONE',
    align: 'right',
    value: ({ progress }) => formatShare(progress.presentBytes, progress.wantedBytes),
  },
  { title: 'OF', align: 'right', value: ({ progress }) => formatBytes(progress.wantedBytes) },
  {
    title: 'RATE',
    align: 'right',
    value: ({ progress }) => (progress.bytesPerSecond === 0 ? '' : formatRate(progress.bytesPerSecond)),
  },
  { title: 'READY IN', align: 'right', value: (plan) => readyIn(plan, now) },
  { title: 'SOURCE', value: ({ source }) => source },
  { title: 'ASKED FOR', value: ({ createdAt }) => formatAgo(createdAt, now) },
]

export const prefetchList = defineCommand({
  usage: 'prefetch list',
  summary: 'List the plans, the newest first.',
  options: {
    state: { type: 'string', choices: PLAN_STATES, requiresArg: true, describe: 'Only plans in this state' },
  },
  examples: [['prefetch list --state running', 'what goes on']],
  run: async ({ client, output, signal, clock }, { state }) => {
    const plans = await readAll(
      (query) => client.listPrefetches({ query: { ...query, state }, signal }),
      (page) => page.plans,
    )
    output.show({ plans, next: null }, () =>
      plans.length > 0 ? formatTable(plans, columns(clock.now())) : describeNone(state),
    )
    return EXIT.ok
  },
})

function readyIn({ progress: { estimatedFinishAt, nodes } }: PlanSummary, now: number): string {
  if (estimatedFinishAt === null || nodes.ready === nodes.total) return ''
  return formatWithin(Date.parse(estimatedFinishAt) - now)
}

function describeNone(state: string | undefined): string {
  return state === undefined ? 'There is no plan ("shoal prefetch start").' : `No plan is ${state}.`
}
