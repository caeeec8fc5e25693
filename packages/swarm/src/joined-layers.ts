import { type Clock, type Digest, RateMeter } from '@shoal/core'
import type { Torrent } from 'webtorrent'
import type { Discovery } from './discovery.ts'
import type { LaneClientId } from './lane/lane-greeting.ts'
import type { LayerSwarm } from './layer-swarm.ts'
import type { LayerTerms } from './layer-terms.ts'
import type { PeerLink } from './peer-link.ts'
import type { SwarmLayer } from './swarm-layer.ts'

/** A layer whose swarm we are in. */
export interface JoinedLayer {
  readonly swarm: LayerSwarm
  readonly torrent: Torrent
  readonly discovery: Discovery
}

/** What moved, of layers that were left as well. */
export interface LayerTraffic {
  connections: number
  uploadedBytes: number
  downloadedBytes: number
  upBytesPerSecond: number
  downBytesPerSecond: number
}

export interface JoinedLayersOptions {
  /** Joins one swarm; not called while that layer is joined or being left. */
  readonly open: (layer: SwarmLayer, terms: LayerTerms) => Promise<JoinedLayer>
  /** Announce URLs. */
  readonly trackers: readonly string[]
}

/** The layers whose swarms a daemon is in, each joined and left once at a time, and the trackers that they are announced to. */
export class JoinedLayers {
  readonly #open: JoinedLayersOptions['open']
  readonly #layers = new Map<Digest, JoinedLayer>()
  readonly #joining = new Map<Digest, Promise<LayerSwarm>>()
  readonly #leaving = new Map<Digest, Promise<void>>()
  readonly #left: { readonly up: RateMeter; readonly down: RateMeter }
  #trackers: readonly string[]

  constructor(clock: Clock, { open, trackers }: JoinedLayersOptions) {
    this.#open = open
    this.#trackers = trackers
    this.#left = { up: new RateMeter(clock), down: new RateMeter(clock) }
  }

  get(digest: Digest): LayerSwarm | undefined {
    return this.#layers.get(digest)?.swarm
  }

  byInfoHash(infoHash: string): LayerSwarm | undefined {
    for (const { swarm, torrent } of this.#layers.values()) if (torrent.infoHash === infoHash) return swarm
    return undefined
  }

  /** A wire of any layer with who opens a lane. */
  linkOf(client: LaneClientId): PeerLink | undefined {
    for (const { swarm } of this.#layers.values()) {
      const link = swarm.linkOf(client)
      if (link !== undefined) return link
    }
    return undefined
  }

  /** A copy: layers may come and go while they are looked at. */
  swarms(): LayerSwarm[] {
    return [...this.#layers.values()].map(({ swarm }) => swarm)
  }

  join(layer: SwarmLayer, terms: LayerTerms): Promise<LayerSwarm> {
    const { digest } = layer.manifest
    const joined = this.#layers.get(digest)
    if (joined !== undefined) return Promise.resolve(joined.swarm)
    const joining = this.#joining.get(digest) ?? this.#join(layer, terms).finally(() => this.#joining.delete(digest))
    this.#joining.set(digest, joining)
    return joining
  }

  /** When it resolves nothing is written to the layer any more. */
  async leave(digest: Digest): Promise<void> {
    await this.#joining.get(digest)?.catch(() => undefined)
    const joined = this.#layers.get(digest)
    if (joined === undefined) return this.#leaving.get(digest)
    this.#layers.delete(digest)
    const leaving = this.#leave(joined).finally(() => this.#leaving.delete(digest))
    this.#leaving.set(digest, leaving)
    return leaving
  }

  async leaveAll(): Promise<void> {
    const digests = [...this.#layers.keys(), ...this.#joining.keys(), ...this.#leaving.keys()]
    await Promise.all(digests.map((digest) => this.leave(digest)))
  }

  /** Replaces the trackers of all layers. */
  setTrackers(urls: readonly string[]): void {
    if (urls.length === this.#trackers.length && urls.every((url, index) => url === this.#trackers[index])) return
    this.#trackers = [...urls]
    for (const { discovery } of this.#layers.values()) discovery.setTrackers(this.#trackers)
  }

  traffic(): LayerTraffic {
    const sum: LayerTraffic = {
      connections: 0,
      uploadedBytes: this.#left.up.totalBytes,
      downloadedBytes: this.#left.down.totalBytes,
      upBytesPerSecond: 0,
      downBytesPerSecond: 0,
    }
    for (const { swarm } of this.#layers.values()) {
      const stats = swarm.stats()
      sum.connections += stats.peers
      sum.uploadedBytes += stats.uploadedBytes
      sum.downloadedBytes += stats.fromOriginBytes + stats.fromPeersBytes
      sum.upBytesPerSecond += stats.upBytesPerSecond
      sum.downBytesPerSecond += stats.downBytesPerSecond
    }
    return sum
  }

  async #join(layer: SwarmLayer, terms: LayerTerms): Promise<LayerSwarm> {
    const { digest } = layer.manifest
    await this.#leaving.get(digest)
    const joined = await this.#open(layer, terms)
    this.#layers.set(digest, joined)
    joined.discovery.start(this.#trackers)
    return joined.swarm
  }

  async #leave({ swarm, torrent }: JoinedLayer): Promise<void> {
    const stats = swarm.stats()
    this.#left.up.add(stats.uploadedBytes)
    this.#left.down.add(stats.fromOriginBytes + stats.fromPeersBytes)
    await swarm.close()
    await new Promise<void>((resolve) => torrent.destroy({}, () => resolve()))
  }
}
