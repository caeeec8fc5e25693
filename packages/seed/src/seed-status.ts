import type { SeedStatus } from '@shoal/api'
import type { Clock } from '@shoal/core'
import type { Swarm } from '@shoal/swarm'
import type { FleetLimits } from './fleet-limits.ts'
import type { Catalogue } from './images/catalogue.ts'
import type { LibraryWatcher } from './images/library-watcher.ts'
import type { Importer } from './imports/importer.ts'
import type { LibraryReads } from './library-reads.ts'
import type { NodeRegistry } from './nodes/node-registry.ts'
import { VERSION } from './version.ts'

export interface SeedStatusDeps {
  readonly catalogue: Catalogue
  readonly importer: Pick<Importer, 'active'>
  readonly registry: Pick<NodeRegistry, 'counts' | 'modeCounts'>
  readonly library: { readonly endpoint: string }
  readonly reads: LibraryReads
  readonly watcher: Pick<LibraryWatcher, 'isReachable'>
  readonly swarm: Pick<Swarm, 'address' | 'dhtAddress' | 'stats'>
  readonly tracker: { peers(): number }
  readonly limits: Pick<FleetLimits, 'effective'>
  readonly clock: Clock
}

export interface SeedStatusOptions {
  /** The key that signs now. */
  readonly publicKey: () => string
  readonly announceUrls: string[]
  /** Whether they run. */
  readonly tracker: boolean
  readonly dht: boolean
}

/** Makes the function that says how the seed is doing. */
export function createSeedStatus(deps: SeedStatusDeps, options: SeedStatusOptions): () => SeedStatus {
  const { catalogue, importer, registry, library, reads, watcher, swarm, tracker, limits } = deps
  const { publicKey, announceUrls } = options
  const startedAt = new Date(deps.clock.now()).toISOString()
  return () => {
    const { uploadedBytes, upBytesPerSecond, connections, dhtNodes } = swarm.stats()
    return {
      version: VERSION,
      startedAt,
      publicKey: publicKey(),
      library: {
        endpoint: library.endpoint,
        reachable: watcher.isReachable,
        limitBytesPerSecond: limits.effective.libraryBytesPerSecond,
        readBytes: reads.bytes,
        requests: reads.requests,
        rateBytesPerSecond: reads.bytesPerSecond(),
      },
      swarm: { address: swarm.address, uploadedBytes, upBytesPerSecond, connections },
      tracker: { enabled: options.tracker, announceUrls, peers: options.tracker ? tracker.peers() : 0 },
      dht: { enabled: options.dht, address: swarm.dhtAddress, nodes: dhtNodes },
      images: countImages(catalogue, importer),
      layers: countLayers(catalogue),
      nodes: registry.counts(),
      modes: registry.modeCounts(),
    }
  }
}

export function countLayers(catalogue: Catalogue): SeedStatus['layers'] {
  const layers = catalogue.layers()
  const published = layers.filter((layer) => layer.state === 'published').length
  return { published, withdrawn: layers.length - published }
}

/** Images of the library by what became of them; deleted ones do not count. */
export function countImages(catalogue: Catalogue, importer: Pick<Importer, 'active'>): SeedStatus['images'] {
  const records = catalogue.images().filter(({ deletedAt }) => deletedAt === null)
  return {
    total: records.length,
    published: records.filter(({ layer }) => layer !== null).length,
    importing: importer.active,
    failed: records.filter((record) => record.import?.state === 'failed' && record.layer === null).length,
  }
}
