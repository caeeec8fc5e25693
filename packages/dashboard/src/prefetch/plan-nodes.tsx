import type { PlanNode } from '@shoal/api'
import { Link } from 'wouter'
import { useNow } from '../fleet/use-now.ts'
import { formatRate, shareOf } from '../format/quantity.ts'
import { formatAway } from '../format/time.ts'
import { Meter } from '../parts/meter.tsx'
import { StateLabel } from '../parts/state-label.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'

const TONE = { waiting: 'plain', fetching: 'info', ready: 'success', failed: 'danger', excluded: 'warning' } as const

/** Nodes of a plan: how far each is, and what holds it up. */
export function PlanNodes({ nodes, label, maxRows }: { nodes: readonly PlanNode[]; label: string; maxRows: number }) {
  const now = useNow()
  const columns: Column<PlanNode>[] = [
    {
      key: 'node',
      title: 'Node',
      width: 'minmax(8rem, 1fr)',
      render: ({ node }) => <Link href={`/nodes/${encodeURIComponent(node)}`}>{node}</Link>,
      sortBy: ({ node }) => node,
    },
    {
      key: 'state',
      title: 'State',
      width: '6rem',
      render: ({ state }) => <StateLabel tone={TONE[state]} state={state} />,
      sortBy: ({ state }) => state,
    },
    {
      key: 'there',
      title: 'There',
      width: 'minmax(8rem, 1fr)',
      render: ({ node, presentBytes, wantedBytes }) => (
        <Meter share={shareOf(presentBytes, wantedBytes)} label={`Of what ${node} is to have`} />
      ),
      sortBy: ({ presentBytes, wantedBytes }) => shareOf(presentBytes, wantedBytes),
    },
    {
      key: 'rate',
      title: 'Rate',
      width: '6.5rem',
      isNumber: true,
      render: ({ bytesPerSecond }) => formatRate(bytesPerSecond),
      sortBy: ({ bytesPerSecond }) => bytesPerSecond,
    },
    {
      key: 'done',
      title: 'Ready',
      width: '8rem',
      render: ({ readyAt, estimatedFinishAt }) =>
        (readyAt ?? estimatedFinishAt) === null ? 'not known' : formatAway(readyAt ?? estimatedFinishAt ?? '', now),
      sortBy: ({ readyAt, estimatedFinishAt }) => readyAt ?? estimatedFinishAt ?? '~',
    },
    {
      key: 'why',
      title: 'What holds it up',
      width: 'minmax(12rem, 2fr)',
      render: ({ reason }) => (reason === null ? '' : <span title={reason.message}>{reason.message}</span>),
      sortBy: ({ reason }) => reason?.code ?? '',
    },
  ]
  return (
    <VirtualTable
      label={label}
      rows={nodes}
      columns={columns}
      idOf={({ node }) => node}
      empty="It has no nodes yet."
      maxRows={maxRows}
      minWidth="54rem"
    />
  )
}
