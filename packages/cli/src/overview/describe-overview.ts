import type { Overview } from '@shoal/api'
import { formatBytes, formatRate } from '../format/bytes.ts'

type Fact = readonly [name: string, value: string]

/** Whether the swarm is well in one sentence, then a line for everything that speaks against it, the worst first. */
export function describeHealth({ health: { verdict, sentence, reasons } }: Overview): Fact[] {
  const told = reasons.map(({ severity, message }): Fact => ['', `${severity}: ${message}`])
  // One reason alone is what the sentence says already.
  return [['health', sentence], ...(verdict !== 'healthy' && reasons.length === 1 ? [] : told)]
}

/** The fleet in numbers. */
export function describeOverview(overview: Overview): Fact[] {
  const { library, seed, swarm, nodes, cache, images, plans, boots } = overview
  const limit = library.limitBytesPerSecond === null ? 'no limit' : `limit ${formatRate(library.limitBytesPerSecond)}`
  const copies = seed.copies === null ? '' : `, ${seed.copies.toFixed(2)} copies of what nodes hold`
  const share = swarm.seedShare === null ? '' : `, ${Math.round(swarm.seedShare * 100)} % of it from the seed`
  return [
    ['library', `${library.endpoint}, ${library.reachable ? 'reachable' : 'NOT REACHABLE'}`],
    ['', `${formatRate(library.rateBytesPerSecond)} now, ${limit}, ${formatBytes(library.readBytes)} read`],
    ['seed', `sends ${formatRate(seed.upBytesPerSecond)}, sent ${formatBytes(seed.uploadedBytes)}${copies}`],
    ['swarm', `nodes receive ${formatRate(swarm.downBytesPerSecond)}${share}`],
    ['nodes', describeNodes(nodes, swarm.fetchingNodes)],
    [
      'cache',
      `${formatBytes(cache.usedBytes)} of ${formatBytes(cache.capacityBytes)}, ${cache.fullNodes} nodes nearly full`,
    ],
    ['plans', `${plans.running} under way, ${plans.late} late`],
    [
      'images',
      `${images.total} known, ${images.published} published, ${library.importing} importing, ${images.failed} failed`,
    ],
    [
      'boots',
      `${boots.serving} served, ${boots.preparing} in preparation, ${boots.failed} failed, ${boots.stalls} stalls`,
    ],
  ]
}

function describeNodes(nodes: Overview['nodes'], fetching: number): string {
  const { ready, unreachable, lost, away, draining, quarantined, troubled } = nodes
  const states = [`${ready} ready`, `${unreachable} unreachable`, `${lost} lost`, ...(away > 0 ? [`${away} away`] : [])]
  const modes = [
    ...(draining > 0 ? [`${draining} draining`] : []),
    ...(quarantined > 0 ? [`${quarantined} in quarantine`] : []),
  ]
  return `${states.join(', ')}; ${[`${fetching} fetching`, `${troubled} in trouble`, ...modes].join(', ')}`
}
