import { COMPOSITION_STATES, LAYER_STATES } from '@shoal/api'
import type { Metrics } from '@shoal/service'
import type { AccessRefusal } from '@shoal/swarm'
import type { Compositions } from './compose/compositions.ts'
import type { InventoryDeps } from './inventory.ts'
import { peerLayers } from './inventory.ts'

/** The metrics of a peer, read from what it knows whenever they are asked for; `banned` counts a ban. */
export function registerPeerMetrics(
  metrics: Metrics,
  deps: InventoryDeps & {
    compositions: Pick<Compositions, 'list' | 'failures' | 'writtenBytes'>
    isSeedReachable: () => boolean
    queuedEvents: () => number
  },
): { banned: () => void; refused: (refusal: AccessRefusal) => void } {
  metrics.gauge({
    name: 'shoal_peer_layers',
    help: 'Layers held or wanted, by state.',
    labels: ['state'],
    collect: (gauge) => {
      const layers = peerLayers(deps)
      for (const state of LAYER_STATES) gauge.set({ state }, layers.filter((layer) => layer.state === state).length)
    },
  })
  metrics.total({
    name: 'shoal_peer_received_bytes_total',
    help: 'Payload bytes received from the swarm since the start.',
    read: () => deps.swarm.stats().downloadedBytes,
  })
  metrics.total({
    name: 'shoal_peer_sent_bytes_total',
    help: 'Payload bytes sent to the swarm since the start.',
    read: () => deps.swarm.stats().uploadedBytes,
  })
  metrics.gauge({
    name: 'shoal_peer_connections',
    help: 'Connections to other nodes, over all layers.',
    collect: (gauge) => gauge.set(deps.swarm.stats().connections),
  })
  metrics.gauge({
    name: 'shoal_peer_store_free_bytes',
    help: 'Free on the file system of the layers.',
    collect: async (gauge) => gauge.set((await deps.store.usage()).freeBytes),
  })
  metrics.gauge({
    name: 'shoal_peer_seed_reachable',
    help: '1 when the seed answered the last request, 0 otherwise.',
    collect: (gauge) => gauge.set(deps.isSeedReachable() ? 1 : 0),
  })
  metrics.gauge({
    name: 'shoal_peer_events_queued',
    help: 'Events the seed has not acknowledged yet.',
    collect: (gauge) => gauge.set(deps.queuedEvents()),
  })
  metrics.gauge({
    name: 'shoal_compose_disks',
    help: 'Compositions that this node knows, by state.',
    labels: ['state'],
    collect: (gauge) => {
      const all = deps.compositions.list()
      for (const state of COMPOSITION_STATES) gauge.set({ state }, all.filter((one) => one.state === state).length)
    },
  })
  metrics.total({
    name: 'shoal_compose_failures_total',
    help: 'Compositions that failed since the start.',
    read: () => deps.compositions.failures,
  })
  metrics.total({
    name: 'shoal_compose_written_bytes_total',
    help: 'Data written into composed disks since the start.',
    read: () => deps.compositions.writtenBytes,
  })
  const bans = metrics.counter({ name: 'shoal_peer_bans_total', help: 'Peers banned because of bad blocks.' })
  const refused = metrics.counter({
    name: 'shoal_swarm_refused_total',
    help: 'Wires, lanes, announces and datagrams that were refused because of who they are from, by reason.',
    labels: ['kind', 'reason'],
  })
  return { banned: () => bans.inc(), refused: ({ kind, reason }) => refused.inc({ kind, reason }) }
}
