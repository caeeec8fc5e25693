import type { BootProfile } from './boot-profile.ts'

/** Of 64 KiB each, more than a boot ever reads. */
const MAX_CLUSTERS = 2 ** 20

/**
 * * Which clusters of the guest's disk a boot reads, by their index and in the order in which it first touches them;
 * the first 2^20 of them, or as many as asked for.
 */
export function hotClusters({ reads }: BootProfile, clusterBytes: number, maxClusters = MAX_CLUSTERS): number[] {
  if (!Number.isSafeInteger(clusterBytes) || clusterBytes < 1) throw new TypeError(`clusters of ${clusterBytes} bytes`)
  // A set keeps the order of first insertion.
  const touched = new Set<number>()
  for (const { offset, length } of reads) {
    const last = Math.floor((offset + length - 1) / clusterBytes)
    for (let cluster = Math.floor(offset / clusterBytes); cluster <= last; cluster += 1) {
      if (touched.size >= maxClusters) return [...touched]
      touched.add(cluster)
    }
  }
  return [...touched]
}
