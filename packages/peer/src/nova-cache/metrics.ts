import { NOVA_BASE_STATES } from '@shoal/api'
import type { Metrics } from '@shoal/service'
import type { NovaCache } from './nova-cache.ts'

/** The metrics of what is kept in Nova's image cache. */
export function registerNovaCacheMetrics(
  metrics: Metrics,
  cache: Pick<NovaCache, 'list' | 'failures' | 'lost' | 'writtenBytes'>,
): void {
  metrics.gauge({
    name: 'shoal_nova_base_files',
    help: "Images that are wanted in Nova's image cache, or are there because of this node, by state.",
    labels: ['state'],
    collect: (gauge) => {
      const all = cache.list()
      for (const state of NOVA_BASE_STATES) gauge.set({ state }, all.filter((one) => one.state === state).length)
    },
  })
  metrics.total({
    name: 'shoal_nova_base_failures_total',
    help: 'Base files for Nova that could not be made since the start.',
    read: () => cache.failures,
  })
  metrics.total({
    name: 'shoal_nova_base_lost_total',
    help: 'Base files of this node that somebody else removed since the start.',
    read: () => cache.lost,
  })
  metrics.total({
    name: 'shoal_nova_base_written_bytes_total',
    help: 'Data written into base files for Nova since the start.',
    read: () => cache.writtenBytes,
  })
}
