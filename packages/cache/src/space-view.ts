import type { CacheView } from './cache-view.ts'
import type { SpaceLimit } from './space-limit.ts'

/** Where the space of a node goes. Bytes. */
export interface SpaceView {
  /** What the cache may take now. */
  readonly limitBytes: number
  /** Occupied, and promised beyond that. */
  readonly takenBytes: number
  readonly layerBytes: number
  /** Of staged files and composed disks. */
  readonly otherBytes: number
  /** Promised beyond what is occupied. */
  readonly reservedBytes: number
  /** Above this eviction begins, ... */
  readonly highWatermarkBytes: number
  /** ... and goes on down to this. */
  readonly lowWatermarkBytes: number
  /** Free on the file system. */
  readonly freeBytes: number
  /** Size of the file system. */
  readonly totalBytes: number
}

export function spaceView(view: CacheView, { highWatermark, lowWatermark }: SpaceLimit): SpaceView {
  const { limitBytes, takenBytes, reservedBytes, held, others, fileSystem } = view
  return {
    ...{ limitBytes, takenBytes, reservedBytes },
    layerBytes: held.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    otherBytes: others.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0),
    highWatermarkBytes: Math.floor(limitBytes * highWatermark),
    lowWatermarkBytes: Math.floor(limitBytes * lowWatermark),
    freeBytes: fileSystem.freeBytes,
    totalBytes: fileSystem.totalBytes,
  }
}
