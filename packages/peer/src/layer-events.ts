import type { NodeEvent } from '@shoal/api'
import type { EvictedLayer } from '@shoal/cache'
import type { Clock, Digest, ShoalError } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import type { FloodReport } from '@shoal/service'
import type { BanEvent } from '@shoal/swarm'
import { eventDetails } from './error-body.ts'
import type { EventQueue } from './event-queue.ts'
import type { PeerRecords } from './peer-records.ts'

const MAX_MESSAGE = 1000
const NO_SPACE: ReadonlySet<string> = new Set(['SHOAL_STORE_NO_SPACE', 'SHOAL_CACHE_FULL', 'SHOAL_CACHE_TOO_LARGE'])

/** Makes the node events that the seed is told. */
export class LayerEvents {
  readonly #deps: { readonly queue: EventQueue; readonly records: PeerRecords; readonly clock: Clock }

  readonly #completing = new Set<Digest>()
  #refusals = 0

  constructor(deps: { queue: EventQueue; records: PeerRecords; clock: Clock }) {
    this.#deps = deps
  }

  /** Layers that found no room, since the start. */
  get refusals(): number {
    return this.#refusals
  }

  /** A layer's fetch begins; asking again keeps the first time, so that a restart does not make it look fast. */
  async started(digest: Digest): Promise<void> {
    const { records, clock } = this.#deps
    if ((await records.fetchStartedAt(digest)) === undefined) await records.saveFetchStarted(digest, clock.now())
  }

  /** A layer is complete. Told once for each fetch, even if the daemon was killed in between. Bytes are those of this run. */
  async complete(
    { manifest }: Pick<StoredLayer, 'manifest'>,
    stats: { fromOriginBytes: number; fromPeersBytes: number } | undefined,
  ): Promise<void> {
    const { records } = this.#deps
    const { digest } = manifest
    if (this.#completing.has(digest)) return
    this.#completing.add(digest)
    try {
      const startedAt = await records.fetchStartedAt(digest)
      if (startedAt === undefined) return
      await this.#complete(manifest, startedAt, stats)
      await records.forgetFetch(digest)
    } finally {
      this.#completing.delete(digest)
    }
  }

  async #complete(
    { digest, sizeBytes }: StoredLayer['manifest'],
    startedAt: number,
    stats: { fromOriginBytes: number; fromPeersBytes: number } | undefined,
  ): Promise<void> {
    const { clock } = this.#deps
    const seconds = Math.max(0, (clock.now() - startedAt) / 1000)
    const { fromOriginBytes = 0, fromPeersBytes = 0 } = stats ?? {}
    await this.#add('layer.complete', digest, `Layer complete in ${seconds.toFixed(1)} s.`, {
      sizeBytes,
      fromOriginBytes,
      fromPeersBytes,
      seconds,
    })
  }

  async failed(digest: Digest, error: ShoalError): Promise<void> {
    const type = NO_SPACE.has(error.code) ? 'store.no-space' : 'layer.failed'
    if (type === 'store.no-space') this.#refusals += 1
    await this.#add(type, digest, error.message, { ...error.details, code: error.code, hint: error.hint })
  }

  async banned({ digest, address, node, isProven, block, reason }: BanEvent): Promise<void> {
    const name = node === null ? address : `${address} (${node})`
    await this.#add('peer.banned', digest, `Banned ${name}: ${reason}.`, {
      address,
      node: node ?? '',
      proven: isProven,
      block,
      layer: digest,
    })
  }

  /** More is turned away here than by accident. */
  async flooded({ what, name, refusals, from }: FloodReport): Promise<void> {
    const by = from === undefined ? '' : ` by ${from.address}`
    const message = `Flooded${by}: ${refusals} ${name} were refused within a minute; the bounds hold.`
    await this.#add('node.flooded', undefined, message, { what, refusals, address: from?.address ?? '' })
  }

  async evicted({ digest, sizeBytes, keptBytes, reason, isLastCopy, idleMs }: EvictedLayer): Promise<void> {
    const kept = keptBytes > 0 ? `, ${keptBytes} bytes of it stay for a fast boot` : ''
    const idle = idleMs === null ? {} : { idleSeconds: Math.round(idleMs / 1000) }
    await this.#add('layer.evicted', digest, `Evicted, ${sizeBytes} bytes are free again${kept} (${reason}).`, {
      ...{ sizeBytes, keptBytes, reason, isLastCopy },
      ...idle,
    })
  }

  async purged(digest: Digest, sizeBytes: number): Promise<void> {
    await this.#add('layer.purged', digest, 'The layer was withdrawn; nothing of it is left on this node.', {
      sizeBytes,
    })
  }

  async corrupt(digest: Digest, badBlocks: readonly number[]): Promise<void> {
    const message = `${badBlocks.length} blocks on disk were not what they should be; they are dropped and fetched again.`
    await this.#add('layer.corrupt', digest, message, { blocks: badBlocks.length, firstBlock: badBlocks[0] ?? 0 })
  }

  async forget(digest: Digest): Promise<void> {
    await this.#deps.records.forgetFetch(digest)
  }

  async #add(
    type: string,
    layer: Digest | undefined,
    message: string,
    details: Record<string, unknown>,
  ): Promise<void> {
    const at = new Date(this.#deps.clock.now()).toISOString()
    const about = layer === undefined ? {} : { layer }
    const told = { message: message.slice(0, MAX_MESSAGE), details: eventDetails(details) }
    const event: NodeEvent = { at, type, ...about, ...told }
    await this.#deps.queue.add(event)
  }
}
