import { RateTokens } from './rate-tokens.ts'
import { TakeLane } from './take-queue.ts'

/** Buckets for what a node receives. */
export interface DownBuckets {
  readonly down: RateTokens
  readonly prefetch: RateTokens
  /** From other racks and from the origin. */
  readonly crossRackDown: RateTokens
}

export interface DownLaneOptions {
  /** For a read that somebody waits for. */
  readonly urgent?: boolean | undefined
  /** From another rack, from the origin, or from somebody of whom that is not known. */
  readonly far?: boolean | undefined
}

/** The lanes of those who receive: by whether somebody waits for it, and by where it comes from. */
export class DownLanes {
  readonly #ordinary: { readonly near: TakeLane; readonly far: TakeLane }
  readonly #urgent: { readonly near: TakeLane; readonly far: TakeLane }

  /** What nobody waits for pays the bucket `own` too. */
  constructor({ down, prefetch, crossRackDown }: DownBuckets, own?: RateTokens) {
    const ordinary = own === undefined ? [down, prefetch] : [own, down, prefetch]
    this.#ordinary = { near: new TakeLane(ordinary), far: new TakeLane([...ordinary, crossRackDown]) }
    const isUrgent = true
    this.#urgent = {
      near: new TakeLane([down], { isUrgent }),
      far: new TakeLane([down, crossRackDown], { isUrgent }),
    }
  }

  of({ urgent = false, far = false }: DownLaneOptions): TakeLane {
    const lanes = urgent ? this.#urgent : this.#ordinary
    return far ? lanes.far : lanes.near
  }
}

/**
 * What may be received of one layer, beside the limits of the node: made by `TransferLimits.newLayerLimit`, changed by
 * `TransferLimits.setLayerRate`. What somebody waits for is exempt.
 */
export class LayerLimit {
  readonly tokens: RateTokens
  readonly lanes: DownLanes

  constructor(buckets: DownBuckets, nowMs: number) {
    this.tokens = new RateTokens(Number.POSITIVE_INFINITY, nowMs)
    this.lanes = new DownLanes(buckets, this.tokens)
  }

  get isLimited(): boolean {
    return this.tokens.isLimited
  }
}
