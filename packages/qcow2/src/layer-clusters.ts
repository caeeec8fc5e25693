import type { GuestDisk } from './disk-image.ts'
import { type GuestRange, partsWithin } from './guest-range.ts'
import type { ClusterContent } from './qcow2-writer.ts'

/** Guest bytes that are compared at a time. */
const WINDOW_BYTES = 2 * 1024 * 1024

type Options = { signal?: AbortSignal | undefined }

/** What a layer is made from. */
export interface LayerContent {
  /** The disk that the chain with this layer on top is to show. */
  readonly disk: GuestDisk
  /** What is below; without it the layer is to be a base. Not larger than `disk`. */
  readonly base?: GuestDisk | undefined
  /** Guest ranges, sorted, whose bytes nobody needs: where they are, the layer may show what is below. */
  readonly unneeded?: readonly GuestRange[] | undefined
  /** Clusters by their index, in the order in which a boot reads them: they are written first. */
  readonly hot?: readonly number[] | undefined
}

/** How the clusters of a disk compare with what is below. */
export interface LayerTally {
  /** Clusters with data of their own, and those that are zeros above something else. */
  dataClusters: number
  zeroClusters: number
  /** Clusters with data that are the same below. */
  sharedClusters: number
}

/**
 * The clusters that a layer must have so that its disk is shown: those that differ from what is below, byte by byte. What is zero in
 * the disk becomes a zero cluster where something is below, and nothing otherwise.
 */
export async function* layerClusters(
  content: LayerContent,
  clusterBytes: number,
  {
    tally,
    onProgress,
    signal,
  }: Options & { tally: LayerTally; onProgress?: ((guestBytes: number) => void) | undefined },
): AsyncGenerator<ClusterContent> {
  const { disk, hot = [] } = content
  const differ = (start: number, length: number) =>
    differences(content, { start, length, clusterBytes, tally }, { signal })
  const hotSet = new Set(hot.filter((index) => index * clusterBytes < disk.virtualSizeBytes))
  for (const index of hotSet) yield* differ(index * clusterBytes, clusterBytes)
  const windowBytes = Math.max(WINDOW_BYTES, clusterBytes)
  for (let start = 0; start < disk.virtualSizeBytes; start += windowBytes) {
    signal?.throwIfAborted()
    for (const range of withoutHot(start, windowBytes, clusterBytes, hotSet)) yield* differ(range.start, range.length)
    onProgress?.(Math.min(start + windowBytes, disk.virtualSizeBytes))
  }
}

/** The clusters of one range that differ. */
async function* differences(
  { disk, base, unneeded = [] }: LayerContent,
  { start, length, clusterBytes, tally }: { start: number; length: number; clusterBytes: number; tally: LayerTally },
  options: Options,
): AsyncGenerator<ClusterContent> {
  const [isStored, isBelow] = await Promise.all([
    isAnyStored(disk, start, length, options),
    isAnyStored(base, start, length, options),
  ])
  if (!isStored && !isBelow) return
  const [bytes, below] = await Promise.all([
    disk.read(start, length, options),
    readPadded(base, start, length, options),
  ])
  for (const range of partsWithin(unneeded, start, bytes.length)) below.copy(bytes, range.start, range.start, range.end)
  const zeros = Buffer.alloc(clusterBytes)
  for (let at = 0; at < bytes.length; at += clusterBytes) {
    const cluster = bytes.subarray(at, at + clusterBytes)
    const isZero = cluster.equals(zeros.subarray(0, cluster.length))
    if (cluster.equals(below.subarray(at, at + cluster.length))) tally.sharedClusters += isZero ? 0 : 1
    else if (isZero) {
      tally.zeroClusters += 1
      yield { guest: start + at, data: 'zero' }
    } else {
      tally.dataClusters += 1
      yield { guest: start + at, data: cluster }
    }
  }
}

async function isAnyStored(
  disk: GuestDisk | undefined,
  start: number,
  length: number,
  options: Options,
): Promise<boolean> {
  const end = Math.min(start + length, disk?.virtualSizeBytes ?? 0)
  if (disk === undefined || start >= end) return false
  const ranges = disk.stored(start, end - start, options)
  return !(await ranges.next()).done
}

/** What is below, with zeros where it ends. */
async function readPadded(
  base: GuestDisk | undefined,
  start: number,
  length: number,
  options: Options,
): Promise<Buffer> {
  const bytes =
    base === undefined || start >= base.virtualSizeBytes ? undefined : await base.read(start, length, options)
  if (bytes?.length === length) return bytes
  return Buffer.concat([bytes ?? Buffer.alloc(0)], length)
}

/** A window cut at the clusters that were written before. */
function* withoutHot(start: number, length: number, clusterBytes: number, hot: ReadonlySet<number>) {
  let from = start
  for (let at = start; hot.size > 0 && at < start + length; at += clusterBytes) {
    if (!hot.has(at / clusterBytes)) continue
    if (at > from) yield { start: from, length: at - from }
    from = at + clusterBytes
  }
  if (from < start + length) yield { start: from, length: start + length - from }
}
