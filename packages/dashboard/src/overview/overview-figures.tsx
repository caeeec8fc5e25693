import type { Overview } from '@shoal/api'
import { Link } from 'wouter'
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
          {limit === null ? '' : <Link href="/limits">of {formatRate(limit)}</Link>}
          {limit === null ? '' : ', '}
          {library.importing === 0 ? (
            'nothing is imported'
          ) : (
            <Link href="/images?filter=reading">{formatCount(library.importing)} importing</Link>
          )}
        </span>
      </FigureCard>
      <FigureCard title="Seed copies" to="/images" value={seed.copies === null ? '–' : seed.copies.toFixed(2)}>
        <span>1.00 is ideal: each byte leaves the seed once</span>
        <span>
          sends <Link href="/limits">{formatRate(seed.upBytesPerSecond)}</Link> now
        </span>
      </FigureCard>
      <FigureCard title="Swarm throughput" to="/nodes?filter=fetching" value={formatRate(swarm.downBytesPerSecond)}>
        <Link href="/nodes?filter=fetching">{formatCount(swarm.fetchingNodes)} nodes fetching</Link>
        <span>
          {swarm.seedShare === null ? (
            'nothing moves'
          ) : (
            <Link href="/events">{formatShare(swarm.seedShare)} of it from the seed</Link>
          )}
        </span>
      </FigureCard>
      <FigureCard title="Nodes ready" to="/nodes" value={`${formatCount(nodes.ready)} / ${formatCount(total)}`}>
        <Meter share={shareOf(nodes.ready, total)} label="Ready" tone={nodes.ready === total ? 'good' : 'bad'} />
        <span>
          <Link href="/nodes?filter=lost">{formatCount(nodes.lost)} lost</Link>,{' '}
          <Link href="/nodes?filter=unreachable">{formatCount(nodes.unreachable)} unreachable</Link>,{' '}
          <Link href="/nodes?filter=troubled">{formatCount(nodes.troubled)} in trouble</Link>
        </span>
        {nodes.draining + nodes.quarantined === 0 ? null : (
          <span>
            <Link href="/nodes?filter=draining">{formatCount(nodes.draining)} draining</Link>,{' '}
            <Link href="/nodes?filter=quarantined">{formatCount(nodes.quarantined)} in quarantine</Link>
          </span>
        )}
      </FigureCard>
      <FigureCard title="Plans under way" to="/prefetch" value={formatCount(plans.running)}>
        <span>{plans.late === 0 ? 'none is late' : <Link href="/prefetch">{formatCount(plans.late)} late</Link>}</span>
        <Link href="/nodes?filter=full">
          caches {formatShare(shareOf(cache.usedBytes, Math.max(1, cache.capacityBytes)))} full (
          {formatBytes(cache.usedBytes)})
        </Link>
      </FigureCard>
      <FigureCard title="VMs booting or served" to="/boots" value={formatCount(boots.serving + boots.preparing)}>
        <span>
          <Link href="/boots?filter=preparing">{formatCount(boots.preparing)} preparing</Link>,{' '}
          <Link href="/boots?filter=failed">{formatCount(boots.failed)} failed</Link>
        </span>
        {boots.stalls === 0 ? (
          <span>none waited long for a block</span>
        ) : (
          <Link href="/boots?filter=stalled">{formatCount(boots.stalls)} long waits for a block</Link>
        )}
      </FigureCard>
    </div>
  )
}
