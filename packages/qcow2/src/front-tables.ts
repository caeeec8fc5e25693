import { refcountTableClusters } from './refcount-counter.ts'

const ENTRY_BYTES = 8

/** What lies before the first data of an image that is written: its header, then these tables. All in bytes of the file. */
export interface FrontTables {
  readonly refcountTableOffset: number
  readonly refcountTableBytes: number
  readonly l1Offset: number
  readonly l1Entries: number
  /** Room for L2 tables, by the index of their L1 entry; what has no room here comes behind the data. */
  readonly l2Offsets: ReadonlyMap<number, number>
  readonly endBytes: number
}

/**
 * Lays out the front of an image so that nothing behind its hot clusters, of which `hot` has the indexes, is needed to read them.
 * The refcount table gets room for the largest file that the disk may become.
 */
export function layOutFront(disk: {
  readonly clusterBytes: number
  readonly virtualSizeBytes: number
  readonly hot: Iterable<number>
}): FrontTables {
  const { clusterBytes, virtualSizeBytes, hot } = disk
  const entriesPerTable = clusterBytes / ENTRY_BYTES
  const guestClusters = Math.ceil(virtualSizeBytes / clusterBytes)
  const l1Entries = Math.ceil(guestClusters / entriesPerTable)
  const l1Clusters = Math.ceil(l1Entries / entriesPerTable)
  // The header, the L1 table, every L2 table there may be, and data that does not compress.
  const mostClusters = 1 + l1Clusters + l1Entries + guestClusters
  const refcountTableBytes = refcountTableClusters(mostClusters, clusterBytes) * clusterBytes
  const refcountTableOffset = clusterBytes
  const l1Offset = refcountTableOffset + refcountTableBytes
  const l2Offset = l1Offset + l1Clusters * clusterBytes
  const needed = new Set<number>()
  for (const cluster of hot) needed.add(Math.floor(cluster / entriesPerTable))
  const l2Offsets = new Map([...needed].map((index, nth) => [index, l2Offset + nth * clusterBytes]))
  const endBytes = l2Offset + needed.size * clusterBytes
  return { refcountTableOffset, refcountTableBytes, l1Offset, l1Entries, l2Offsets, endBytes }
}
