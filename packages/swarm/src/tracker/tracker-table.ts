import type { Clock } from '@shoal/core'
import { announceInterval } from './announce-interval.ts'
import { ExpiryWheel } from './expiry-wheel.ts'
import type { Announce, TrackedPeer } from './tracked-peer.ts'
import { TrackedSwarm } from './tracked-swarm.ts'

export interface TrackerTableLimits {
  /** In one swarm; the one that announced longest ago gives way. */
  readonly nodes: number
  /** Clients in one swarm that are no nodes of ours: a table of its own, so that they push out no node. */
  readonly foreign: number
  /** In all swarms; the one that expires first gives way. */
  readonly peers: number
}

export interface TrackerAnswer {
  readonly intervalSeconds: number
  readonly complete: number
  readonly incomplete: number
  readonly peers: readonly TrackedPeer[]
}

export const TRACKER_TABLE_LIMITS: TrackerTableLimits = { nodes: 20_000, foreign: 1000, peers: 200_000 }

/** A node that misses its interval by a quarter and 3 s is gone. */
const MISSED_SHARE = 1.25
const MISSED_MS = 3000
/** Other clients may wait longer than they are told: libtorrent announces every 5 minutes at most. */
const FOREIGN_LEAST_MS = 6 * 60 * 1000

/**
 * All swarms of a tracker, in memory only: after a restart it fills again from the announces. A dead peer is dropped by the first
 * announce that comes more than a second after its time.
 */
export class TrackerTable {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #options: { restMs: number; limits: TrackerTableLimits }
  readonly #swarms = new Map<string, TrackedSwarm>()
  readonly #expiry = new ExpiryWheel<TrackedPeer>()
  readonly #startedAtMs: number
  #peers = 0

  constructor(
    deps: { clock: Clock; random: () => number },
    options: { restMs: number; limits?: TrackerTableLimits | undefined },
  ) {
    this.#clock = deps.clock
    this.#random = deps.random
    this.#options = { restMs: options.restMs, limits: options.limits ?? TRACKER_TABLE_LIMITS }
    this.#startedAtMs = deps.clock.now()
  }

  /** Answers an announce; `undefined` when another host announces that node already. */
  announce(infoHash: string, announce: Announce): TrackerAnswer | undefined {
    const nowMs = this.#sweep()
    const { restMs } = this.#options
    const known = this.#swarms.get(infoHash)
    const before = known?.find(announce.address)
    if (before?.isNode && before.source !== announce.source && !announce.isFromAddress) return undefined
    if (announce.event === 'stopped') {
      if (before !== undefined) this.#remove(before)
      return { intervalSeconds: Math.ceil(restMs / 1000), ...this.scrape(infoHash), peers: [] }
    }
    const swarm = known ?? new TrackedSwarm(infoHash, this.#random)
    this.#swarms.set(infoHash, swarm)
    const peer = this.#put(swarm, announce, nowMs)
    const peers = swarm.answer(peer, announce.wanted, nowMs)
    const intervalSeconds = announceInterval({
      isComplete: peer.isComplete,
      neighbours: peer.near.length + peer.far.length,
      swarmPeers: swarm.size,
      recentJoins: swarm.recentJoins(nowMs),
      allPeers: this.#peers,
      uptimeMs: nowMs - this.#startedAtMs,
      restMs,
      random: this.#random(),
    })
    const lifeMs = intervalSeconds * 1000 * MISSED_SHARE + MISSED_MS
    this.#expiry.schedule(peer, nowMs + (peer.isNode ? lifeMs : Math.max(lifeMs, FOREIGN_LEAST_MS)))
    return { intervalSeconds, ...swarm.counts, peers }
  }

  scrape(infoHash: string): { complete: number; incomplete: number } {
    this.#sweep()
    return this.#swarms.get(infoHash)?.counts ?? { complete: 0, incomplete: 0 }
  }

  /** Drops whoever is kept under this address, in every swarm; who is not dead comes back with its next announce. */
  forget(address: string): void {
    for (const swarm of this.#swarms.values()) {
      const peer = swarm.find(address)
      if (peer !== undefined) this.#remove(peer)
    }
  }

  peers(): number {
    this.#sweep()
    return this.#peers
  }

  #put(swarm: TrackedSwarm, announce: Announce, nowMs: number): TrackedPeer {
    const sizeBefore = swarm.size
    const peer = swarm.put(announce, nowMs)
    this.#peers += swarm.size - sizeBefore
    const { nodes, foreign, peers } = this.#options.limits
    const [table, limit] = peer.isNode ? [swarm.nodes, nodes] : [swarm.foreign, foreign]
    const oldest = table.size > limit ? table.values().next().value : undefined
    if (oldest !== undefined) this.#remove(oldest)
    const first = this.#peers > peers ? this.#expiry.first() : undefined
    if (first !== undefined) this.#remove(first)
    return peer
  }

  #remove(peer: TrackedPeer): void {
    const { swarm } = peer
    const sizeBefore = swarm.size
    swarm.remove(peer)
    this.#peers -= sizeBefore - swarm.size
    this.#expiry.delete(peer)
    if (swarm.size === 0) this.#swarms.delete(swarm.infoHash)
  }

  #sweep(): number {
    const nowMs = this.#clock.now()
    for (const peer of this.#expiry.take(nowMs)) this.#remove(peer)
    return nowMs
  }
}
