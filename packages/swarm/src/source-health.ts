import type { PeerLink } from './peer-link.ts'
import type { PieceScheduler } from './scheduler/piece-scheduler.ts'

/** A source that sends nothing for so long while asked is passed over, sooner when it never sent anything. */
const STALL_MS = 5000
const UNPROVEN_STALL_MS = 1500
/** Then it is asked once more: others may have been before us. One that is passed over so often in a row is dropped. */
const RETRY_MS = 5000
const MAX_STALLS = 4
/** A source slower than this is asked on, but the origin is asked for its pieces as well. */
const SLOW_BYTES_PER_SECOND = 32 * 1024
const PATIENCE_BYTES = 512 * 1024
/** A source that refused so many pieces that it said it has is dropped. */
const MAX_REFUSALS = 16
/** Hosts remembered for having let us down; the oldest gives way. */
const MAX_DOUBTFUL = 1000

/** Tells the sources that can be counted on from those that let us down. */
export class SourceHealth {
  readonly #scheduler: PieceScheduler
  /** Hosts that let us down; a new connection does not clear them. */
  readonly #doubtful = new Set<string>()

  constructor(scheduler: PieceScheduler) {
    this.#scheduler = scheduler
  }

  /** A link that is new, or turned out to be somebody. */
  recall(link: PeerLink): void {
    if (link.source !== undefined && this.#doubtful.has(link.host)) this.#scheduler.setDoubtful(link.source, true)
  }

  /** Passes over a source that is silent too long, doubts one that is slow; true when it is to be dropped. */
  check(link: PeerLink, now: number): boolean {
    const { source } = link
    if (source === undefined) return false
    const silentMs = source.asked.size > 0 ? now - source.lastDataAt : 0
    const isSilent = silentMs > (source.bytesPerSecond === 0 ? UNPROVEN_STALL_MS : STALL_MS)
    if (isSilent) {
      link.isStalled = true
      link.stalledAt = now
      link.stalls += 1
    } else if (now - link.stalledAt > RETRY_MS) link.isStalled = false
    const isUseless = link.stalls >= MAX_STALLS || link.refusals > MAX_REFUSALS
    if (isSilent || isUseless || this.#isSlow(link, now)) this.#doubt(link)
    return isUseless
  }

  /** It delivered in good time. */
  onDelivered(link: PeerLink, now: number): void {
    if (link.source?.isDoubtful !== true || this.#isSlow(link, now)) return
    this.#doubtful.delete(link.host)
    this.#scheduler.setDoubtful(link.source, false)
  }

  #doubt({ source, host }: PeerLink): void {
    if (source !== undefined) this.#scheduler.setDoubtful(source, true)
    this.#doubtful.delete(host)
    this.#doubtful.add(host)
    const [oldest] = this.#doubtful
    if (this.#doubtful.size > MAX_DOUBTFUL && oldest !== undefined) this.#doubtful.delete(oldest)
  }

  /** Whether a piece takes this source longer than it would at the least acceptable rate. */
  #isSlow({ source }: PeerLink, now: number): boolean {
    if (source === undefined) return false
    const patienceMs = (Math.max(source.inFlightBytes, PATIENCE_BYTES) * 1000) / SLOW_BYTES_PER_SECOND
    for (const askedAt of source.asked.values()) if (now - askedAt > patienceMs) return true
    return false
  }
}
