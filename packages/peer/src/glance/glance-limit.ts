import { type Clock, TokenBucket, type TransferLimits } from '@shoal/core'

/**
 * What image data may come from Glance itself: the endpoint's own limit, and the node's limits on what it receives from
 * afar.
 */
export class GlanceLimit {
  readonly #own: TokenBucket
  readonly #node: Pick<TransferLimits, 'takeDown'>

  constructor(deps: { clock: Clock; node: Pick<TransferLimits, 'takeDown'> }, rateBytesPerSecond: number | null) {
    this.#own = new TokenBucket(deps.clock, { rateBytesPerSecond: rateBytesPerSecond ?? Number.POSITIVE_INFINITY })
    this.#node = deps.node
  }

  /** Resolves when so much may come; rejects with the signal's reason. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    await this.#own.take(bytes, { signal })
    await this.#node.takeDown(bytes, { urgent: true, far: true, signal })
  }
}
