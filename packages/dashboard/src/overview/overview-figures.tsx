import type { Overview } from '@shoal/api'
import { formatBytes, formatCount, formatRate, formatShare, shareOf } from '../format/quantity.ts'
import { FigureCard } from '../parts/figure-card.tsx'
import { Meter } from '../parts/meter.tsx'

/** The numbers that matter in a bulk boot, each leading to what explains it. */
export function OverviewFigures({ overview }: { overview: Overview }) {
  const { library, seed, swarm, nodes, plans, cache, boots } = overview
  const limit = library.limitBytesPerSecond
  const total = nodes.ready + nodes.unreachable + nodes.lost
  return (
    <div className="shoal-figures shoal-figures-3">
      <FigureCard title="Library ingest" to="/limits" value={formatRate(library.rateBytesPerSecond)}>
        {limit === null ? 'no limit' : <Meter share={library.rateBytesPerSecond / limit} label="Of its limit" />}
        <span>
          {limit === null ? '' : `of ${formatRate(limit)}, `}
          {library.importing === 0 ? 'nothing is imported' : `${library.importing} importing`}
        </span>
      </FigureCard>
      <FigureCard title="Seed copies" to="/images" value={seed.copies === null ? '–' : seed.copies.toFixed(2)}>
        <span>1.00 is ideal: each byte leaves the seed once</span>
        <span>sends {formatRate(seed.upBytesPerSecond)} now</span>
      </FigureCard>
      <FigureCard title="Swarm throughput" to="/nodes" value={formatRate(swarm.downBytesPerSecond)}>
        <span>{formatCount(swarm.fetchingNodes)} nodes fetching</span>
        <span>
          {swarm.seedShare === null ? 'nothing moves' : `${formatShare(swarm.seedShare)} of it from the seed`}
        </span>
      </FigureCard>
      <FigureCard title="Nodes ready" to="/nodes" value={`${formatCount(nodes.ready)} / ${formatCount(total)}`}>
        <Meter share={shareOf(nodes.ready, total)} label="Ready" tone={nodes.ready === total ? 'good' : 'bad'} />
        <span>
          {nodes.lost} lost, {nodes.unreachable} unreachable, {nodes.troubled} in trouble
        </span>
      </FigureCard>
      <FigureCard title="Plans under way" to="/prefetch" value={formatCount(plans.running)}>
        <span>{plans.late === 0 ? 'none is late' : `${plans.late} late`}</span>
        <span>
          caches {formatShare(shareOf(cache.usedBytes, Math.max(1, cache.capacityBytes)))} full (
          {formatBytes(cache.usedBytes)})
        </span>
      </FigureCard>
      <FigureCard title="VMs booting or served" to="/boots" value={formatCount(boots.serving + boots.preparing)}>
        <span>
          {boots.preparing} preparing, {boots.failed} failed
        </span>
        <span>{boots.stalls === 0 ? 'none waited long for a block' : `${boots.stalls} long waits for a block`}</span>
      </FigureCard>
    </div>
  )
}
