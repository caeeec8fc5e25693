import { PLAN_KINDS, PLAN_STATES, type PlanSummary } from '@shoal/api'
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
    kind: {
      type: 'string',
      choices: PLAN_KINDS,
      requiresArg: true,
      describe: 'prefetch: only plans that were asked for; download: only those of what nodes download by themselves',
    },
  },
  examples: [
    ['prefetch list --state running', 'what goes on'],
    ['prefetch list --kind download', 'what nodes download, be it that Nova precaches it'],
  ],
  run: async ({ client, output, signal, clock }, { state, kind }) => {
    const plans = await readAll(
      (query) => client.listPrefetches({ query: { ...query, state, kind }, signal }),
      (page) => page.plans,
    )
    output.show({ plans, next: null }, () =>
      plans.length > 0 ? formatTable(plans, columns(clock.now())) : describeNone({ state, kind }),
    )
    return EXIT.ok
  },
})

function readyIn({ progress: { estimatedFinishAt, nodes } }: PlanSummary, now: number): string {
  if (estimatedFinishAt === null || nodes.ready === nodes.total) return ''
  return formatWithin(Date.parse(estimatedFinishAt) - now)
}

function describeNone({ state, kind }: { state: string | undefined; kind: string | undefined }): string {
  if (state !== undefined) return `No plan is ${state}.`
  return kind === 'download' ? 'No node has downloaded an image.' : 'There is no plan ("shoal prefetch start").'
}
