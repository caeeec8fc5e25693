import type { PlanNode } from '@shoal/api'
import { formatBytes, formatRate } from '../format/bytes.ts'
import { formatDuration } from '../format/duration.ts'
import { type Column, formatTable } from '../format/table.ts'

/** The nodes of a plan, a line each, with all that is known of them. */
export function formatPlanNodes(nodes: readonly PlanNode[], now: number): string {
  return formatTable(nodes, [
    ...stateColumns,
    { title: 'OF', align: 'right', value: ({ wantedBytes }) => formatBytes(wantedBytes) },
    ...paceColumns(now),
    ...(nodes.some(({ vms }) => vms > 0)
      ? [{ title: 'VMS', align: 'right', value: ({ vms }) => String(vms) } as const satisfies Column<PlanNode>]
      : []),
    { title: 'WHY', value: ({ reason }) => (reason === null ? '' : `${reason.code}: ${reason.message}`) },
  ])
}

export const stateColumns: readonly Column<PlanNode>[] = [
  { title: 'NODE', value: ({ node }) => node },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'DONE', align: 'right', value: ({ presentBytes, wantedBytes }) => formatShare(presentBytes, wantedBytes) },
]

export const paceColumns = (now: number): readonly Column<PlanNode>[] => [
  {
    title: 'RATE',
    align: 'right',
    value: ({ bytesPerSecond }) => (bytesPerSecond === 0 ? '' : formatRate(bytesPerSecond)),
  },
  { title: 'READY IN', align: 'right', value: (node) => describeReady(node, now) },
]

/** How much of something there is; all of it only when not a byte lacks, and nothing of what is not known yet. */
export function formatShare(part: number, whole: number): string {
  if (whole === 0) return '0 %'
  return `${part >= whole ? 100 : Math.floor((part / whole) * 100)} %`
}

function describeReady({ state, estimatedFinishAt }: PlanNode, now: number): string {
  if (state === 'ready' || estimatedFinishAt === null) return ''
  return formatWithin(Date.parse(estimatedFinishAt) - now)
}

/** A time to come that an estimate gave, which is nothing finer than a second. */
export function formatWithin(durationMs: number): string {
  return durationMs < 1000 ? 'now' : formatDuration(Math.round(durationMs / 1000) * 1000).replace('.0 s', ' s')
}
