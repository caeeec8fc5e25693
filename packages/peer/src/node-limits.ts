import type { NodeLimits, ToldLimits } from '@shoal/api'
import {
  type Clock,
  MIN_TRANSFER_BYTES_PER_SECOND,
  NO_TRANSFER_LIMITS,
  TransferLimits,
  type TransferRates,
} from '@shoal/core'

/** The limits of this node: for each class the lower of its own configuration and of what the seed says, changed live. */
export class NodeLimitsKeeper {
  /** What transfers wait for. */
  readonly transfers: TransferLimits
  readonly #configured: TransferRates
  #fleet: NodeLimits | null = null

  /** The clock should be a steady one: setting the machine's must not stall a transfer. */
  constructor(clock: Clock, configured: TransferRates) {
    this.#configured = configured
    this.transfers = new TransferLimits(clock, configured)
  }

  /** Takes over what the seed says; nothing at all means no limit but this node's own. */
  setFleet(fleet: ToldLimits | undefined): void {
    this.#fleet = fleet === undefined ? null : { ...NO_TRANSFER_LIMITS, ...fleet }
    const { upBytesPerSecond, downBytesPerSecond, crossRackBytesPerSecond, inRackBytesPerSecond } = this.#configured
    const { crossRackDownBytesPerSecond } = this.#configured
    this.transfers.set({
      upBytesPerSecond: lower(upBytesPerSecond, fleet?.upBytesPerSecond),
      downBytesPerSecond: lower(downBytesPerSecond, fleet?.downBytesPerSecond),
      crossRackBytesPerSecond: lower(crossRackBytesPerSecond, fleet?.crossRackBytesPerSecond),
      crossRackDownBytesPerSecond: lower(crossRackDownBytesPerSecond, fleet?.crossRackDownBytesPerSecond),
      inRackBytesPerSecond: lower(inRackBytesPerSecond, fleet?.inRackBytesPerSecond),
      prefetchBytesPerSecond: lower(this.#configured.prefetchBytesPerSecond, fleet?.prefetchBytesPerSecond),
    })
  }

  get effective(): NodeLimits {
    return this.transfers.rates
  }

  status(): { configured: NodeLimits; fleet: NodeLimits | null; effective: NodeLimits } {
    return { configured: this.#configured, fleet: this.#fleet, effective: this.effective }
  }
}

/** A seed of another version may allow less than can be kept: the least that can be is nearest to what it means. */
function lower(configured: number | null, fleet: number | null | undefined): number | null {
  if (typeof fleet !== 'number') return configured
  return Math.max(Math.min(configured ?? Number.POSITIVE_INFINITY, fleet), MIN_TRANSFER_BYTES_PER_SECOND)
}
