import type { HeadFacts } from './head-facts.ts'
import { imageError } from './image-errors.ts'
import type { Check } from './run-checks.ts'

/** QEMU's own bounds: QCOW_MAX_L1_SIZE and QCOW_MAX_REFTABLE_SIZE. */
const MAX_L1_BYTES = 32 * 1024 ** 2
const MAX_REFCOUNT_TABLE_BYTES = 8 * 1024 ** 2

/** Whether the header's sizes and the places of its tables are possible in a file of this size. */
export const extentChecks = {
  'virtual-size': {
    needs: ['file-length'],
    find: ({ fields: { virtualSize }, limits: { maxVirtualBytes: limitBytes } }) => {
      const virtualSizeBytes = String(virtualSize)
      if (virtualSize > BigInt(limitBytes)) {
        return imageError('SHOAL_IMAGE_VIRTUAL_SIZE_TOO_LARGE', { virtualSizeBytes, limitBytes })
      }
      const isWhole = virtualSize !== 0n && virtualSize % 512n === 0n
      return isWhole ? undefined : imageError('SHOAL_IMAGE_VIRTUAL_SIZE', { virtualSizeBytes })
    },
  },
  'l1-table': {
    needs: ['cluster-size', 'virtual-size'],
    find: ({ fields, clusterBytes, declared: { sizeBytes } }) => {
      const invalid = (reason: string) => imageError('SHOAL_IMAGE_QCOW2_L1_TABLE', { reason })
      const { l1Entries, l1Offset, virtualSize } = fields
      const neededEntries = Math.ceil(Number(virtualSize) / (clusterBytes * (clusterBytes / 8)))
      if (l1Entries < neededEntries) return invalid(`${l1Entries} entries do not cover the virtual size`)
      if (l1Entries * 8 > MAX_L1_BYTES) return invalid(`${l1Entries} entries are too many`)
      if (!isAtCluster(l1Offset, clusterBytes)) return invalid(`its offset ${l1Offset} is not at a cluster`)
      return isInside(l1Offset, l1Entries * 8, sizeBytes) ? undefined : invalid('it lies outside the file')
    },
  },
  'refcount-table': {
    needs: ['cluster-size'],
    find: ({ fields, clusterBytes, declared: { sizeBytes } }) => {
      const invalid = (reason: string) => imageError('SHOAL_IMAGE_QCOW2_REFCOUNT_TABLE', { reason })
      const { l1Entries, l1Offset, refcountTableOffset: offset } = fields
      const tableBytes = fields.refcountTableClusters * clusterBytes
      if (tableBytes === 0) return invalid('it is empty')
      if (tableBytes > MAX_REFCOUNT_TABLE_BYTES) return invalid('it is too large')
      if (!isAtCluster(offset, clusterBytes)) return invalid(`its offset ${offset} is not at a cluster`)
      if (!isInside(offset, tableBytes, sizeBytes)) return invalid('it lies outside the file')
      const l1End = l1Offset + BigInt(Math.ceil((l1Entries * 8) / clusterBytes) * clusterBytes)
      const isApart = l1End <= offset || offset + BigInt(tableBytes) <= l1Offset
      return isApart ? undefined : invalid('it overlaps the L1 table')
    },
  },
} as const satisfies Record<string, Check<HeadFacts>>

/** The first cluster is the header's. */
function isAtCluster(offset: bigint, clusterBytes: number): boolean {
  return offset !== 0n && offset % BigInt(clusterBytes) === 0n
}

function isInside(offset: bigint, lengthBytes: number, sizeBytes: number): boolean {
  return offset + BigInt(lengthBytes) <= BigInt(sizeBytes)
}
