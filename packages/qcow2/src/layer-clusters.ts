import type { GuestDisk } from './disk-image.ts'
import { type GuestRange, partsWithin } from './guest-range.ts'
import type { ClusterContent } from './qcow2-writer.ts'
import { readAhead, slotBuffers } from './read-ahead.ts'

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
  /** Clusters that are the same below, where anything is stored nearby. */
  sharedClusters: number
}

/** A part of the disk, and what of it has been gone through when it was worked on. */
interface Window extends GuestRange {
  readonly reached: number
}

interface Compared extends Window {
  readonly bytes: Buffer
  readonly below: Buffer
}

/**
 * The clusters that a layer must have so that its disk is shown: those that differ from what is below, byte by byte. What is zero in
 * the disk becomes a zero cluster where something is below, and nothing otherwise. What is given holds until the next is asked for.
 */
export async function* layerClusters(
  content: LayerContent,
  clusterBytes: number,
  options: Options & { tally: LayerTally; onProgress?: ((guestBytes: number) => void) | undefined },
): AsyncGenerator<ClusterContent> {
  const { tally, onProgress } = options
  const windowBytes = Math.max(WINDOW_BYTES, clusterBytes)
  const read = windowReader(content, windowBytes, options)
  for await (const window of readAhead(windowsOf(content, { clusterBytes, windowBytes }), read)) {
    options.signal?.throwIfAborted()
    if ('bytes' in window) yield* differences(window, clusterBytes, tally)
    onProgress?.(window.reached)
  }
}

/** The clusters of a window that differ. Their bytes are those of the window's buffer, which is used again. */
function* differences({ start, bytes, below }: Compared, clusterBytes: number, tally: LayerTally) {
  const zeros = Buffer.alloc(clusterBytes)
  for (let at = 0; at < bytes.length; at += clusterBytes) {
    const cluster = bytes.subarray(at, at + clusterBytes)
    if (cluster.equals(below.subarray(at, at + cluster.length))) tally.sharedClusters += 1
    else if (cluster.equals(zeros.subarray(0, cluster.length))) {
      tally.zeroClusters += 1
      yield { guest: start + at, data: 'zero' } as const
    } else {
      tally.dataClusters += 1
      yield { guest: start + at, data: cluster }
    }
  }
}

/** Reads both disks, unless neither stores anything of a window. */
function windowReader({ disk, base, unneeded = [] }: LayerContent, windowBytes: number, { signal }: Options) {
  const mine = slotBuffers(windowBytes)
  const theirs = base === undefined ? undefined : slotBuffers(windowBytes)
  const zeros = Buffer.alloc(windowBytes)
  return async (window: Window, slot: number): Promise<Window | Compared> => {
    const { start, length } = window
    const stored = await Promise.all([disk, base].map((one) => isAnyStored(one, window, { signal })))
    if (!stored.includes(true)) return window
    const [bytes, below] = await Promise.all([
      disk.read(start, length, { signal, into: mine[slot] }),
      base === undefined ? zeros : readPadded(base, window, { signal, into: theirs?.[slot] }),
    ])
    for (const part of partsWithin(unneeded, start, bytes.length)) below.copy(bytes, part.start, part.start, part.end)
    return { ...window, bytes, below }
  }
}

async function isAnyStored(disk: GuestDisk | undefined, { start, length }: GuestRange, options: Options) {
  const end = Math.min(start + length, disk?.virtualSizeBytes ?? 0)
  if (disk === undefined || start >= end) return false
  return !(await disk.stored(start, end - start, options).next()).done
}

/** What is below, with zeros where it ends. */
async function readPadded(
  base: GuestDisk,
  { start, length }: GuestRange,
  options: Options & { into: Buffer | undefined },
): Promise<Buffer> {
  const bytes = start < base.virtualSizeBytes ? await base.read(start, length, options) : Buffer.alloc(0)
  return bytes.length === length ? bytes : Buffer.concat([bytes], length)
}

/** Hot clusters one by one, then windows over the disk without them. */
function* windowsOf(
  { disk, hot = [] }: LayerContent,
  { clusterBytes, windowBytes }: { clusterBytes: number; windowBytes: number },
): Generator<Window> {
  const sizeBytes = disk.virtualSizeBytes
  const hotSet = new Set(hot.filter((index) => index * clusterBytes < sizeBytes))
  for (const index of hotSet) yield { start: index * clusterBytes, length: clusterBytes, reached: 0 }
  for (let start = 0; start < sizeBytes; start += windowBytes) {
    const reached = Math.min(start + windowBytes, sizeBytes)
    let from = start
    for (let at = start; hotSet.size > 0 && at < reached; at += clusterBytes) {
      if (!hotSet.has(at / clusterBytes)) continue
      if (at > from) yield { start: from, length: at - from, reached: at }
      from = at + clusterBytes
    }
    if (from < reached) yield { start: from, length: reached - from, reached }
  }
}
