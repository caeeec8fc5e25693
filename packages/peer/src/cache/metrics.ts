import { EVICTION_REASONS } from '@shoal/api'
import type { Metrics } from '@shoal/service'
import type { NodeCache } from './node-cache.ts'

/** From a minute to a quarter of a year. */
const AGE_BUCKETS_SECONDS = [60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400, 90 * 86_400]

/** The metrics of the cache; `evicted` counts an eviction. */
export function registerCacheMetrics(
  metrics: Metrics,
  { cache, history, scrubber }: Pick<NodeCache, 'cache' | 'history' | 'scrubber'>,
  refusals: () => number,
): { evicted: (eviction: { readonly reason: string; readonly idleMs: number | null }) => void } {
  metrics.gauge({
    name: 'shoal_cache_bytes',
    help: 'Bytes on the file system of the layers: occupied by layers and others, promised, and the limit.',
    labels: ['what'],
    collect: async (gauge) => {
      const { layerBytes, otherBytes, reservedBytes, limitBytes } = await cache.space()
      gauge.set({ what: 'layers' }, layerBytes)
      gauge.set({ what: 'others' }, otherBytes)
      gauge.set({ what: 'reserved' }, reservedBytes)
      gauge.set({ what: 'limit' }, limitBytes)
    },
  })
  const asked = [
    ['shoal_cache_hit_requests_total', 'Layers asked for that were there.', () => history.requests.hits],
    ['shoal_cache_miss_requests_total', 'Layers asked for that were not.', () => history.requests.misses],
    ['shoal_cache_hit_bytes_total', 'Bytes of layers asked for that were there.', () => history.bytes.hits],
    ['shoal_cache_miss_bytes_total', 'Bytes of layers asked for that were not.', () => history.bytes.misses],
    [
      'shoal_cache_hit_boot_bytes_total',
      'Bytes that boots read of layers asked for that were there.',
      () => history.bootBytes.hits,
    ],
    [
      'shoal_cache_miss_boot_bytes_total',
      'Bytes that boots read of layers asked for that were not.',
      () => history.bootBytes.misses,
    ],
  ] as const
  for (const [name, help, read] of asked) metrics.total({ name, help, read })
  metrics.total({
    name: 'shoal_cache_scrubbed_bytes_total',
    help: 'Bytes read back and checked since the start.',
    read: () => scrubber.checkedBytes,
  })
  metrics.total({
    name: 'shoal_cache_scrub_bad_blocks_total',
    help: 'Blocks on disk that were not what they should be, since the start.',
    read: () => scrubber.badBlocks,
  })
  metrics.total({
    name: 'shoal_cache_refusals_total',
    help: 'Layers for which no room could be made, since the start.',
    read: refusals,
  })
  const evictions = metrics.counter({
    name: 'shoal_cache_evictions_total',
    help: 'Layers evicted since the start.',
    labels: ['reason'],
  })
  for (const reason of EVICTION_REASONS) evictions.inc({ reason }, 0)
  const age = metrics.histogram({
    name: 'shoal_cache_evicted_age_seconds',
    help: 'Time since the last use of what was evicted.',
    buckets: AGE_BUCKETS_SECONDS,
  })
  return {
    evicted: ({ reason, idleMs }) => {
      evictions.inc({ reason })
      if (idleMs !== null) age.observe(idleMs / 1000)
    },
  }
}
