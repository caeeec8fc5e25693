import { type LayerContent, type LayerTally, layerClusters } from './layer-clusters.ts'
import { type Qcow2Format, Qcow2Writer } from './qcow2-writer.ts'
import type { RandomWrite } from './random-access.ts'

/** A layer that was written. */
export interface WrittenLayer extends LayerTally {
  readonly sizeBytes: number
  /** At the beginning of the file, all that a boot reads of it; 0 when it is not known what that is. */
  readonly bootBytes: number
}

/**
 * Writes a qcow2 layer that shows a disk: a base, or a middle with what differs from its base. Nothing in the file names the base.
 * Compare it with {@link firstDifference} before it counts. Throws a TypeError when the base is larger than the disk.
 */
export async function writeLayer(
  content: LayerContent,
  sink: RandomWrite,
  options: Qcow2Format & {
    readonly signal?: AbortSignal | undefined
    /** Guest bytes that were gone through. */
    readonly onProgress?: ((guestBytes: number) => void) | undefined
  },
): Promise<WrittenLayer> {
  const { virtualSizeBytes } = content.disk
  if ((content.base?.virtualSizeBytes ?? 0) > virtualSizeBytes) throw new TypeError('the base is larger than the disk')
  const tally: LayerTally = { dataClusters: 0, zeroClusters: 0, sharedClusters: 0 }
  const writer = new Qcow2Writer(sink, { ...options, virtualSizeBytes, hot: content.hot })
  await writer.write(layerClusters(content, 2 ** options.clusterBits, { ...options, tally }))
  const sizeBytes = await writer.finish()
  return { ...tally, sizeBytes, bootBytes: writer.bootBytes }
}
