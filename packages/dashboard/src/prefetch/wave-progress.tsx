import type { PlanSummary, PlanWave, PlanWaveProgress } from '@shoal/api'
import { useNow } from '../fleet/use-now.ts'
import { formatBytes, formatCount, shareOf } from '../format/quantity.ts'
import { formatAway } from '../format/time.ts'
import { Meter } from '../parts/meter.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'

/** How far each wave of a plan is, live, beside when the planner expected its end. */
export function WaveProgress({ plan, foretold }: { plan: PlanSummary; foretold: readonly PlanWave[] }) {
  const now = useNow()
  const planned = new Map(foretold.map((wave) => [wave.wave, wave]))
  const endOf = ({ wave }: PlanWaveProgress) => planned.get(wave)?.endsAt ?? null
  const columns: Column<PlanWaveProgress>[] = [
    { key: 'wave', title: 'Wave', width: '4rem', isNumber: true, render: ({ wave }) => wave },
    {
      key: 'kind',
      title: 'What',
      width: 'minmax(9rem, 1fr)',
      render: ({ wave }) => (wave === 0 ? 'what a boot reads' : 'the rest'),
    },
    {
      key: 'nodes',
      title: 'Nodes that have it',
      width: '9rem',
      isNumber: true,
      render: ({ nodes, nodesReady }) => `${formatCount(nodesReady)} / ${formatCount(nodes)}`,
    },
    {
      key: 'there',
      title: 'There',
      width: 'minmax(8rem, 1fr)',
      render: ({ wave, presentBytes, wantedBytes }) => (
        <Meter
          share={shareOf(presentBytes, wantedBytes)}
          label={`Of wave ${wave}`}
          tone={presentBytes >= wantedBytes ? 'good' : 'normal'}
        />
      ),
    },
    {
      key: 'bytes',
      title: 'All copies',
      width: '6.5rem',
      isNumber: true,
      render: ({ wantedBytes }) => formatBytes(wantedBytes),
    },
    { key: 'end', title: 'Done', width: '8rem', render: (wave) => describeEnd(wave, plan, now) },
    {
      key: 'foretold',
      title: 'Foretold',
      width: '8rem',
      render: (wave) => {
        const end = endOf(wave)
        return end === null ? '–' : formatAway(end, now)
      },
    },
  ]
  return (
    <VirtualTable
      label="Progress of the waves"
      rows={plan.progress.waves}
      columns={columns}
      idOf={({ wave }) => String(wave)}
      empty={plan.finishedAt === null ? 'What moves is not planned yet.' : 'How far each wave was is not kept.'}
      maxRows={6}
      minWidth="52rem"
    />
  )
}

function describeEnd(wave: PlanWaveProgress, { finishedAt }: PlanSummary, now: number): string {
  if (wave.nodesReady === wave.nodes) return 'done'
  if (finishedAt !== null) return 'not done'
  return wave.estimatedFinishAt === null ? 'not known' : formatAway(wave.estimatedFinishAt, now)
}
