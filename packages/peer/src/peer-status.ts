import type { PeerStatus } from '@shoal/api'
import type { LayerStore } from '@shoal/layer-store'
import type { Swarm } from '@shoal/swarm'
import type { BanLog } from './ban-log.ts'
import type { NodeCache } from './cache/node-cache.ts'
import type { PeerConfig } from './config.ts'
import type { DesiredStateFollower } from './desired-state.ts'
import type { EnrollmentKeeper } from './enrollment.ts'
import { peerLayers } from './inventory.ts'
import type { KeyTrust } from './key-trust.ts'
import { nodeName } from './node-facts.ts'
import type { NodeLimitsKeeper } from './node-limits.ts'
import type { Reconciler } from './reconciler.ts'
import type { SeedLink } from './seed-link.ts'
import type { TrustedKey } from './trusted-keys.ts'
import { version } from './version.ts'

/** The daemon at a glance. */
export async function peerStatus(
  config: PeerConfig,
  parts: {
    readonly store: LayerStore
    readonly swarm: Swarm
    readonly seed: SeedLink
    readonly reconciler: Reconciler
    readonly enrollment: EnrollmentKeeper
    readonly bans: BanLog
    readonly limits: NodeLimitsKeeper
    readonly cache: Pick<NodeCache, 'pinned'>
    readonly desired: Pick<DesiredStateFollower, 'current'>
    readonly trust: Pick<KeyTrust, 'trusted'>
    readonly startedAt: string
  },
): Promise<PeerStatus> {
  const { store, swarm, seed, reconciler, enrollment, bans, limits, cache, desired, trust, startedAt } = parts
  const mode = desired.current?.mode
  const { allocatedBytes, freeBytes } = await store.usage()
  return {
    node: nodeName(config),
    version,
    startedAt,
    seedUrl: config.seed.url,
    registered: enrollment.isRegistered,
    seedReachable: seed.isReachable,
    reachability: enrollment.current?.reachability ?? 'Not known: the seed has not answered yet.',
    swarmAddress: swarm.address,
    dhtAddress: swarm.dhtAddress,
    layers: peerLayers({ store, swarm, reconciler, pinned: cache.pinned }),
    banned: bans.list(),
    diskFreeBytes: freeBytes,
    diskUsedBytes: allocatedBytes,
    trustedKeys: trust.trusted.map(keyStatus),
    ...(mode && { mode }),
    limits: limits.status(),
  }
}

function keyStatus({ publicKey, until }: TrustedKey): { publicKey: string; until: string | null } {
  return { publicKey, until: until === null ? null : new Date(until).toISOString() }
}
