import { type NearestCopy, SOURCE_PRICES } from './source-price.ts'

/** One layer of an image, as one node sees it. Bytes. */
export interface LayerOnNode {
  readonly sizeBytes: number
  /** What a boot reads of it; 0 when that is not known. It is what a node fetches first. */
  readonly bootBytes: number
  readonly heldBytes: number
  /** Whether what is missing is on its way, on somebody else's account. */
  readonly isComing: boolean
  readonly nearest: NearestCopy
}

/**
 * A VM waits for what its boot reads, and for nothing else: that part counts so many times. A boot reads a tenth of an
 * image (11.7 % of a Debian server, 6.5 % of Lambda's images), so that it has a quarter of the weight of a layer.
 */
const BOOT_WEIGHT = 3

/** Bytes on their way cost no link anything more, but a VM waits for them. */
const COMING_PRICE = 0.3

/** What starting a VM there costs because of this layer, in bytes from the seed; 0 when it is all there. */
export function layerCost({ sizeBytes, bootBytes, heldBytes, isComing, nearest }: LayerOnNode): number {
  const missing = Math.max(0, sizeBytes - heldBytes)
  const missingOfBoot = Math.max(0, bootBytes - heldBytes)
  const weighted = missing + (BOOT_WEIGHT - 1) * missingOfBoot
  return weighted * (isComing ? COMING_PRICE : SOURCE_PRICES[nearest])
}

/** What it costs at most: nothing is there or on its way, and only the seed has it. */
export function fullLayerCost({ sizeBytes, bootBytes }: Pick<LayerOnNode, 'sizeBytes' | 'bootBytes'>): number {
  return (sizeBytes + (BOOT_WEIGHT - 1) * Math.min(bootBytes, sizeBytes)) * SOURCE_PRICES.seed
}
