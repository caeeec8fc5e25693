import type { PlanSummary } from '@shoal/api'
import { Link } from 'wouter'
import { useNow } from '../fleet/use-now.ts'
import { formatCount, formatRate, shareOf } from '../format/quantity.ts'
import { formatAway, formatSeconds, secondsBetween } from '../format/time.ts'
import { Meter } from '../parts/meter.tsx'
import { StateLabel } from '../parts/state-label.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'
import { planTone } from './plan-tone.ts'

/** Plans in rows: how far, how fast, until when. */
export function PlanTable({ plans, maxRows = 15 }: { plans: readonly PlanSummary[]; maxRows?: number }) {
  const now = useNow()
  const columns: Column<PlanSummary>[] = [
    {
      key: 'name',
      title: 'Plan',
      width: 'minmax(10rem, 2fr)',
      render: ({ id, name }) => <Link href={`/prefetch/${id}`}>{name || id}</Link>,
      sortBy: ({ name }) => name,
    },
    {
      key: 'state',
      title: 'State',
      width: '8rem',
      render: ({ state }) => <StateLabel tone={planTone(state)} state={state} />,
      sortBy: ({ state }) => state,
    },
    {
      key: 'nodes',
      title: 'Nodes ready',
      width: '8rem',
      isNumber: true,
      render: ({ id, progress: { nodes } }) => (
        <Link href={`/prefetch/${id}`}>
          {formatCount(nodes.ready)} / {formatCount(nodes.total)}
        </Link>
      ),
      sortBy: ({ progress: { nodes } }) => shareOf(nodes.ready, nodes.total),
    },
    {
      key: 'bytes',
      title: 'Bytes there',
      width: 'minmax(9rem, 1fr)',
      render: ({ name, progress }) => (
        <Meter share={shareOf(progress.presentBytes, progress.wantedBytes)} label={`Of the bytes of ${name}`} />
      ),
      sortBy: ({ progress }) => shareOf(progress.presentBytes, progress.wantedBytes),
    },
    {
      key: 'rate',
      title: 'Rate',
      width: '7rem',
      isNumber: true,
      render: ({ id, progress }) => <Link href={`/prefetch/${id}`}>{formatRate(progress.bytesPerSecond)}</Link>,
      sortBy: ({ progress }) => progress.bytesPerSecond,
    },
    { key: 'end', title: 'Done', width: '9rem', render: (plan) => endOf(plan, now) },
  ]
  return (
    <VirtualTable
      label="Plans"
      rows={plans}
      columns={columns}
      idOf={({ id }) => id ?? ''}
      empty="There are no plans."
      maxRows={maxRows}
    />
  )
}

function endOf({ state, createdAt, finishedAt, progress }: PlanSummary, now: number): string {
  if (finishedAt !== null) return `after ${formatSeconds(secondsBetween(createdAt, finishedAt))}`
  if (state !== 'running') return '–'
  return progress.estimatedFinishAt === null ? 'not known yet' : formatAway(progress.estimatedFinishAt, now)
}
