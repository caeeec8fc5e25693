import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLab, type Lab } from '../../infra/lab/lab.ts'
import { type OpenStack, startOpenStack } from '../../infra/openstack/openstack.ts'
import { type Cluster, createCluster } from '../harness/cluster.ts'
import type { Undo } from '../harness/undo.ts'
import { FakeClock } from './fake-clock.ts'
import { STRANGERS } from './fault-plan.ts'
import { type FaultyGlance, startFaultyGlance } from './faulty-glance.ts'
import { LibraryBait } from './library-bait.ts'
import { NodeDisk } from './node-disk.ts'

const MIB = 1024 ** 2
export const SEED = 'seed'
/** A file with holes. */
const DISK_MIB = 1024
/** Disks are small here: nodes may use them nearly up. */
const CACHE = { minFreeBytes: 8 * MIB, highWatermark: 0.99, lowWatermark: 0.97 }
/** Of a node: slow enough that half of it is felt. */
export const LINK_MBIT = 120
const CORE_MBIT = 400
/** Short, so that nodes whose clock jumps find half of it over, and renew. */
const CERTIFICATE_HOURS = 1
/** What the cloud allows; invariants of a run. Less than an image takes at once, so that only a limit can keep it from being more. */
export const LIMITS = { libraryBytesPerSecond: 4 * MIB, originBytesPerSecond: 4 * MIB }

/** A fleet in racks with a real Glance behind it, all of whose machines can be spoilt. */
export interface ChaosGround {
  readonly undo: Undo
  readonly directory: string
  readonly lab: Lab
  readonly openstack: OpenStack
  readonly glance: FaultyGlance
  readonly cluster: Cluster
  /** Names of nodes by rack. */
  readonly racks: Readonly<Record<string, readonly string[]>>
  readonly nodes: readonly string[]
  /** Of each machine, the seed's too. */
  readonly disks: ReadonlyMap<string, NodeDisk>
  readonly clocks: ReadonlyMap<string, FakeClock>
  readonly bait: LibraryBait
}

export async function startChaosGround(
  undo: Undo,
  size: { racks: number; nodesPerRack: number },
): Promise<ChaosGround> {
  const racks = racksOf(size)
  const nodes = Object.values(racks).flat()
  const host = (name: string, rateMbit: number) => ({ name, rateMbit })
  const lab = await createLab({
    core: [SEED, ...Object.values(STRANGERS)].map((name) => host(name, CORE_MBIT)),
    racks: Object.entries(racks).map(([name, names]) => ({
      ...{ name, zone: 'zone-1', uplinkMbit: CORE_MBIT, nodes: names.map((node) => host(node, LINK_MBIT)) },
    })),
  })
  undo.after(() => lab.destroy())
  const directory = await mkdtemp(join(tmpdir(), 'shoal-chaos-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const glance = await startFaultyGlance(undo, lab.rootAddress)
  const openstack = await startOpenStack({
    ...{ directory: join(directory, 'openstack'), host: lab.rootAddress, catalogueUrl: glance.url },
  })
  undo.after(() => openstack.stop())
  glance.target = openstack.glanceUrl

  const clocks = new Map([SEED, ...nodes].map((name) => [name, new FakeClock(join(directory, `${name}.clock`))]))
  const clockOf = (name: string) => clocks.get(name)?.env ?? {}
  const cluster = await createCluster(undo, {
    ...{ peers: nodes.length, lab, library: { limitBytesPerSecond: LIMITS.libraryBytesPerSecond } },
    seedEnv: { ...openstack.env, ...clockOf(SEED) },
    peerEnv: clockOf,
    peerConfig: () => ({ cache: CACHE }),
    seedConfig: {
      swarm: { upBytesPerSecond: LIMITS.originBytesPerSecond },
      tls: { nodeCertificateHours: CERTIFICATE_HOURS },
    },
  })
  await NodeDisk.share(undo, cluster.directory)
  const disks = new Map<string, NodeDisk>()
  for (const name of [SEED, ...nodes]) {
    disks.set(name, await NodeDisk.mount(undo, join(cluster.directory, name), DISK_MIB))
  }
  // What runs on a disk ends before it is unmounted.
  undo.after(() => Promise.all([cluster.seed, ...cluster.peers].map((service) => service.end())))
  await cluster.startSeed()
  // All at once take longer to start than a service is given.
  for (const names of Object.values(racks)) await cluster.startPeers(names)
  const bait = new LibraryBait()
  return { undo, directory, lab, openstack, glance, cluster, racks, nodes, disks, clocks, bait }
}

/** node1 to node4 in rack1, node5 to node8 in rack2, and so on: the names that a cluster gives. */
function racksOf({ racks, nodesPerRack }: { racks: number; nodesPerRack: number }): Record<string, string[]> {
  return Object.fromEntries(
    Array.from({ length: racks }, (_, rack) => [
      `rack${rack + 1}`,
      Array.from({ length: nodesPerRack }, (_, node) => `node${rack * nodesPerRack + node + 1}`),
    ]),
  )
}
