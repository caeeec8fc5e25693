import type { Logger } from '@shoal/core'
import type { Client as DhtClient } from 'bittorrent-dht'
import { type AnnouncedTracker, type HttpTracker, Client as TrackerClient } from 'bittorrent-tracker'
import { type AnnounceFacts, proveAnnounce } from './auth/announce-proof.ts'
import type { SwarmIdentity } from './auth/swarm-identity.ts'
import { boundRequests } from './bound-requests.ts'

/** Until a layer is complete the DHT is asked this often; afterwards it only needs to know we are there. */
const DHT_SEARCH_MS = 10_000
const DHT_ANNOUNCE_MS = 60_000
/** What a tracker may ask for; less would be a load on both, more would find nobody in a burst. */
const MIN_ANNOUNCE_MS = 1000
const MAX_ANNOUNCE_MS = 15 * 60 * 1000

export interface DiscoveryDeps {
  readonly infoHash: string
  readonly peerId: string
  readonly dht: DhtClient | undefined
  /** What announces are signed by; without it they are not. */
  readonly identity?: SwarmIdentity | undefined
  readonly logger: Logger
  readonly leftBytes: () => number
  /** Whether there is anything to be found here. */
  readonly isGiving: () => boolean
  readonly transferred: () => { uploaded: number; downloaded: number }
  readonly onPeers: (addresses: string[]) => void
}

/** Finds the peers of one layer: by the trackers while they answer, by the cluster's own DHT always. */
export class Discovery {
  readonly #deps: DiscoveryDeps
  readonly #port: number
  readonly #announceIntervalMs: number
  #tracker: TrackerClient | undefined
  #dhtTimer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(deps: DiscoveryDeps, options: { port: number; announceIntervalMs: number }) {
    this.#deps = deps
    this.#port = options.port
    this.#announceIntervalMs = options.announceIntervalMs
  }

  start(trackers: readonly string[]): void {
    this.setTrackers(trackers)
    this.#deps.dht?.on('peer', this.#onDhtPeer)
    this.#searchDht()
  }

  setTrackers(urls: readonly string[]): void {
    this.#tracker?.destroy()
    this.#tracker = undefined
    if (urls.length === 0 || this.#isClosed) return
    const { infoHash, peerId, leftBytes, transferred, onPeers, logger } = this.#deps
    const tracker = new TrackerClient({
      infoHash,
      peerId,
      announce: [...urls],
      port: this.#port,
      wrtc: false,
      userAgent: 'Shoal',
      getAnnounceOpts: () => ({ ...transferred(), left: leftBytes(), numwant: 50 }),
    })
    tracker.on('peer', (address: unknown) => {
      if (typeof address === 'string') onPeers([address])
    })
    const note = (error: unknown) => logger.debug({ infoHash, error }, 'tracker did not answer')
    tracker.on('warning', note)
    tracker.on('error', note)
    boundIntervals(tracker)
    for (const each of tracker._trackers) if (isHttp(each)) boundRequests(each)
    if (this.#deps.identity !== undefined) this.#signAnnounces(tracker, this.#deps.identity)
    tracker.start()
    // Until one answers; from then on each is asked when it said.
    tracker.setInterval(this.#announceIntervalMs)
    this.#tracker = tracker
  }

  /** Tells the trackers that the layer is complete here. */
  complete(): void {
    this.#tracker?.complete()
  }

  /** Asks again at once, for a layer that has nobody to ask. */
  search(): void {
    this.#tracker?.update()
    this.#searchDht()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    clearTimeout(this.#dhtTimer)
    this.#deps.dht?.removeListener('peer', this.#onDhtPeer)
    const tracker = this.#tracker
    if (tracker === undefined) return
    tracker.stop()
    // The library waits for an answer to the last announce; a tracker that is gone must not hold up a stop.
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 500).unref()
      tracker.destroy(() => resolve())
    })
  }

  #signAnnounces(client: TrackerClient, identity: SwarmIdentity): void {
    const { infoHash, peerId } = this.#deps
    let lastMs = 0
    for (const tracker of client._trackers) {
      const announce = tracker.announce.bind(tracker)
      tracker.announce = (opts) => {
        // By the machine's time, which the tracker compares with its own; two in one millisecond are still two.
        lastMs = Math.max(Date.now(), lastMs + 1)
        const event = (opts.event ?? 'update') as AnnounceFacts['event']
        const facts = { infoHash, peerId, port: this.#port, leftBytes: opts.left, event }
        announce({ ...opts, shoal_auth: proveAnnounce(identity, facts, lastMs) })
      }
    }
  }

  #onDhtPeer = (peer: { host: string; port: number }, infoHash: Uint8Array): void => {
    if (Buffer.from(infoHash).toString('hex') !== this.#deps.infoHash) return
    this.#deps.onPeers([`${peer.host}:${peer.port}`])
  }

  #searchDht(): void {
    clearTimeout(this.#dhtTimer)
    const { dht, infoHash, leftBytes, isGiving } = this.#deps
    if (dht === undefined || dht.destroyed || this.#isClosed) return
    // The lookup finds peers (BEP 5); asked for alone, an announce would reuse the nodes of an earlier lookup.
    dht.lookup(infoHash, () => {
      if (!dht.destroyed && !this.#isClosed && isGiving()) dht.announce(infoHash, this.#port, () => {})
    })
    const delayMs = leftBytes() > 0 ? DHT_SEARCH_MS : DHT_ANNOUNCE_MS
    this.#dhtTimer = setTimeout(() => this.#searchDht(), delayMs * (0.8 + Math.random() * 0.4))
    this.#dhtTimer.unref()
  }
}

/** The library announces as soon as any tracker says, be it every millisecond. */
function boundIntervals(client: TrackerClient): void {
  for (const tracker of client._trackers) {
    const setInterval = tracker.setInterval.bind(tracker)
    tracker.setInterval = (intervalMs = MAX_ANNOUNCE_MS) => {
      const wantedMs = Number.isNaN(intervalMs) ? MAX_ANNOUNCE_MS : intervalMs
      setInterval(Math.min(MAX_ANNOUNCE_MS, Math.max(MIN_ANNOUNCE_MS, wantedMs)))
    }
  }
}

function isHttp(tracker: AnnouncedTracker): tracker is HttpTracker {
  return tracker.announceUrl.startsWith('http')
}
