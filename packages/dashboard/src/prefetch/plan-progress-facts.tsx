import type { PlanSummary } from '@shoal/api'
import { useNow } from '../fleet/use-now.ts'
import { formatBytes, formatCount, formatRate, formatShare, shareOf } from '../format/quantity.ts'
import { formatAway, formatSeconds, secondsBetween } from '../format/time.ts'
import { FigureCard } from '../parts/figure-card.tsx'
import { Meter } from '../parts/meter.tsx'

/** How far a plan is, and against what was foretold. */
export function PlanProgressFacts({ plan }: { plan: PlanSummary }) {
  const now = useNow()
  const { progress, prediction, startedAt, finishedAt, deadline, limits } = plan
  const { nodes } = progress
  const here = `/prefetch/${plan.id}`
  const since = startedAt === null ? null : secondsBetween(startedAt, finishedAt ?? new Date(now).toISOString())
  const estimate = finishedAt === null ? progress.estimatedFinishAt : finishedAt
  return (
    <div className="shoal-figures">
      <FigureCard title="Nodes ready" to={here} value={`${formatCount(nodes.ready)} / ${formatCount(nodes.total)}`}>
        <Meter share={shareOf(nodes.ready, nodes.total)} label="Nodes ready" tone="good" />
        <span>
          {nodes.fetching} fetching, {nodes.waiting} waiting
        </span>
        <span>
          {nodes.failed} failed, {nodes.excluded} away
        </span>
      </FigureCard>
      <FigureCard
        title="Bytes there"
        to={here}
        value={formatShare(shareOf(progress.presentBytes, progress.wantedBytes))}
      >
        <span>
          {formatBytes(progress.presentBytes)} of {formatBytes(progress.wantedBytes)}
        </span>
        <span>
          {limits.bytesPerSecond === null ? 'no limit of its own' : `at most ${formatRate(limits.bytesPerSecond)}`}
        </span>
      </FigureCard>
      <FigureCard title="Rate" to="/nodes?filter=fetching" value={formatRate(progress.bytesPerSecond)}>
        <span>all its nodes together</span>
      </FigureCard>
      <FigureCard
        title={finishedAt === null ? 'Done' : 'It took'}
        to={here}
        value={
          finishedAt === null
            ? estimate === null
              ? 'not known'
              : formatAway(estimate, now)
            : formatSeconds(since ?? 0)
        }
      >
        <span>
          {plan.kind === 'download'
            ? 'nodes download by themselves'
            : `foretold: ${prediction.seconds === null ? 'never' : formatSeconds(prediction.seconds)}`}
        </span>
        <span>{finishedAt === null && since !== null ? `under way for ${formatSeconds(since)}` : ''}</span>
        <span>{deadline === null ? 'no deadline' : `deadline ${formatAway(deadline, now)}`}</span>
      </FigureCard>
    </div>
  )
}
