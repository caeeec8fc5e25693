import { EventEmitter } from 'node:events'
import type { DesiredState } from '@shoal/api'
import { type Digest, errorFactory, type Manifest, ManualClock, type ShoalError, silentLogger } from '@shoal/core'
import { createMemoryLayerStore } from '@shoal/layer-store'
import { createMemoryState } from '@shoal/state'
import { DEFAULT_LAYER_TERMS, type LayerTerms, type SwarmLayer } from '@shoal/swarm'
import { EvictedLayers } from '../src/cache/evicted-layers.ts'
import { EventQueue } from '../src/event-queue.ts'
import { peerLayers } from '../src/inventory.ts'
import { LayerEvents } from '../src/layer-events.ts'
import { LayerHolds } from '../src/layer-holds.ts'
import { PeerRecords } from '../src/peer-records.ts'
import { Reconciler } from '../src/reconciler.ts'
import { type LayerFixture, layerFixture, signingKey } from './layer-fixture.ts'

export const { privateKey } = signingKey()
export const fail = errorFactory({
  SHOAL_LAYER_UNKNOWN: { message: 'm', hint: 'h' },
  SHOAL_API_UNREACHABLE: { message: 'm', hint: 'h' },
  SHOAL_STORE_NO_SPACE: { message: 'm', hint: 'h' },
  SHOAL_SWARM_TORRENT_INVALID: { message: 'm', hint: 'h' },
  SHOAL_CACHE_FULL: { message: 'm', hint: 'h' },
})

/** A swarm that joins whatever it is given and moves nothing; it tells what was done. */
class FakeSwarm extends EventEmitter {
  readonly joined = new Map<Digest, Set<string>>()
  readonly terms = new Map<Digest, LayerTerms>()
  readonly layers = new Map<Digest, SwarmLayer>()
  joinError: ShoalError | undefined

  join = async (layer: SwarmLayer, terms: LayerTerms = DEFAULT_LAYER_TERMS) => {
    if (this.joinError !== undefined) throw this.joinError
    this.terms.set(layer.manifest.digest, terms)
    this.layers.set(layer.manifest.digest, layer)
    this.joined.set(layer.manifest.digest, new Set())
    setImmediate(() => this.emit('join', layer.manifest.digest))
    return undefined as never
  }

  leave = async (digest: Digest) => {
    if (this.joined.delete(digest)) setImmediate(() => this.emit('leave', digest))
  }

  get = (digest: Digest) => {
    const addresses = this.joined.get(digest)
    if (addresses === undefined) return undefined
    const none = { peers: 0, uploadedBytes: 0, fromOriginBytes: 0, fromPeersBytes: 0 }
    return {
      addPeers: (more: readonly string[]) => {
        for (const address of more) addresses.add(address)
      },
      refresh: () => void setImmediate(() => this.emit('refresh', digest)),
      setTerms: (terms: LayerTerms) => void this.terms.set(digest, terms),
      stats: () => ({ ...none, upBytesPerSecond: 0, downBytesPerSecond: 0 }),
      arrivals: { racks: [], reasons: [], takeSamples: () => [] },
    }
  }

  stats = () => ({
    connections: 0,
    uploadedBytes: 0,
    downloadedBytes: 0,
    upBytesPerSecond: 0,
    downBytesPerSecond: 0,
    dhtNodes: 0,
  })
}

interface SetUpOptions {
  readonly reserve?: (manifest: Manifest) => Promise<void>
  readonly usersOf?: () => Promise<readonly string[]>
}

export async function setUp(options: SetUpOptions = {}) {
  const clock = new ManualClock(1_700_000_000_000)
  const state = createMemoryState()
  const store = createMemoryLayerStore()
  await store.open()
  const swarm = new FakeSwarm()
  const records = new PeerRecords({ state, logger: silentLogger })
  const added = new EventEmitter()
  const queue = new EventQueue({ state, logger: silentLogger, onAdded: () => added.emit('event') })
  const holds = new LayerHolds()
  const evicted = new EvictedLayers({ state, logger: silentLogger })
  const ended: Digest[] = []
  const purged: Digest[] = []
  let steps = 0
  const published = new Map<Digest, LayerFixture | ShoalError>()
  const fetched = new EventEmitter()
  const reconciler = new Reconciler(
    {
      store,
      swarm,
      holds,
      room: { reserve: options.reserve ?? (async () => {}), end: (digest) => ended.push(digest) },
      evicted,
      usersOf: options.usersOf ?? (async () => []),
      onPurged: (digest) => purged.push(digest),
      onStep: () => {
        steps += 1
      },
      events: new LayerEvents({ queue, records, clock }),
      clock,
      random: () => 0.5,
      logger: silentLogger,
      fetchLayer: async (digest) => {
        setImmediate(() => fetched.emit('fetched', digest))
        const found = published.get(digest) ?? fail('SHOAL_LAYER_UNKNOWN')
        if ('code' in found) throw found
        return found
      },
    },
    { intervalMs: 15_000 },
  )
  const stop = new AbortController()
  const running = reconciler.run(stop).catch(() => {})
  const end = async () => {
    stop.abort()
    await running
    await store.close()
  }
  const layers = () => peerLayers({ store, swarm, reconciler, pinned: { has: (digest) => holds.isHeld(digest) } })
  return {
    clock,
    store,
    swarm,
    holds,
    evicted,
    ended,
    purged,
    get steps() {
      return steps
    },
    reconciler,
    published,
    fetched,
    queue,
    added,
    layers,
    [Symbol.asyncDispose]: end,
  }
}

export const layer = () => layerFixture(privateKey, { sizeBytes: 300_000 })

export function desired(assigned: LayerFixture[], revoked: Digest[] = [], peers: string[] = []): DesiredState {
  return {
    revision: 1,
    revoked,
    assignments: assigned.map(({ manifest: { digest, sizeBytes, infoHash } }, index) => {
      return { layer: digest, priority: 100 - index, sizeBytes, infoHash, peers }
    }),
  }
}

export function assignedAt(state: DesiredState, at: string): DesiredState {
  return { ...state, assignments: state.assignments.map((assignment) => ({ ...assignment, assignedAt: at })) }
}
