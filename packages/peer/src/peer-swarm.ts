import type { Enrollment } from '@shoal/api'
import { type Clock, type Logger, steadyClock } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import { clusterIdentity, createSwarm, type Swarm } from '@shoal/swarm'
import { advertisedHost } from './advertised-host.ts'
import type { PeerConfig } from './config.ts'
import type { PeerRecords } from './peer-records.ts'
import type { PeerSeed } from './peer-seed.ts'

const SAVE_DHT_NODES_MS = 60_000

/** This node's part of the swarm, not yet started. */
export async function createPeerSwarm(
  config: PeerConfig,
  parts: Pick<PeerSeed, 'node' | 'records' | 'member' | 'trust' | 'grants' | 'limits'> & {
    readonly store: LayerStore
    readonly clock: Clock
    readonly logger: Logger
  },
): Promise<Swarm> {
  const { node, records, member, trust, grants, limits, store, clock, logger } = parts
  const { swarm, dht, seed, zone, rack } = config
  const own = (infoHash: string) => grants?.own(infoHash)
  const identity = member && clusterIdentity(member.cluster, clock, { own, keys: () => trust.keys() })
  const enrollment = await records.enrollment()
  const bootstrap = [...new Set([...(enrollment?.dhtBootstrap ?? []), ...(await records.dhtNodes())])]
  const { host, port, advertiseHost, encryption, open: isOpen } = swarm
  const created = createSwarm(
    // The swarm only measures time: setting the machine's clock must not stall it.
    { logger: logger.child({ component: 'swarm' }), clock: steadyClock, buffers: store.buffers, identity },
    {
      ...{ role: 'peer', encryption, node, zone, rack, host, isOpen, port },
      advertiseHost: await advertisedHost({ host, advertiseHost, seedUrl: seed.url }),
      dht: dht.enabled ? { host, port: dht.port, bootstrap } : false,
      trackers: enrollment?.trackers ?? [],
      limits: limits.transfers,
    },
  )
  created.setDhtKeys(dhtKeysOf(enrollment))
  return created
}

/** Takes over whom the seed says to ask for peers. */
export function introduce(swarm: Swarm, enrollment: Enrollment): void {
  swarm.setTrackers(enrollment.trackers)
  swarm.setDhtKeys(dhtKeysOf(enrollment))
  swarm.addDhtNodes(enrollment.dhtBootstrap)
}

export function dhtKeysOf(told: Pick<Enrollment, 'dhtKeys'> | undefined): Buffer[] {
  return (told?.dhtKeys ?? []).map((key) => Buffer.from(key, 'hex'))
}

interface DhtNodesParts {
  readonly swarm: Swarm
  readonly records: PeerRecords
  readonly clock: Clock
}

/** Keeps the DHT nodes that are known, which let a restart find peers with the seed dead. */
export async function keepDhtNodes(parts: DhtNodesParts, { signal }: { signal: AbortSignal }): Promise<void> {
  while (!signal.aborted) {
    await parts.clock.sleep(SAVE_DHT_NODES_MS, { signal })
    await saveDhtNodes(parts)
  }
}

/** A table that is empty because the network was away must not replace a good one. */
export async function saveDhtNodes({ swarm, records }: Omit<DhtNodesParts, 'clock'>): Promise<void> {
  const nodes = swarm.dhtNodes()
  if (nodes.length > 0) await records.saveDhtNodes(nodes)
}
