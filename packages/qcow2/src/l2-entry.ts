import type { Qcow2Header } from './header.ts'

/** Bits 9 to 55 of an entry of a table hold a host offset; bit 63 says that the refcount is one. */
const OFFSET_MASK_HIGH = 0x00ff_ffff
const OFFSET_MASK_LOW = 0xffff_fe00
const COPIED_HIGH = 0x8000_0000
const COMPRESSED_HIGH = 0x4000_0000
/** Of the low half, in images without extended L2 entries: reads as zeros. */
const ZERO_LOW = 1
const TWO_32 = 2 ** 32

/** Where the bytes of a cluster are, or of a subcluster where there are such (`host` is then the subcluster's). */
export type Mapping =
  | { readonly kind: 'unallocated'; readonly host: undefined }
  /** Allocated and to be read from below: only with subclusters. */
  | { readonly kind: 'unallocated'; readonly host: number }
  | { readonly kind: 'zero'; readonly host: number | undefined }
  | { readonly kind: 'data'; readonly host: number }
  /** `bytes`: whole sectors that the compressed cluster may reach into. */
  | { readonly kind: 'compressed'; readonly host: number; readonly bytes: number }

/** Why an entry is not one, or `undefined` when it is good. Bits that the format reserves are to be zero. */
export type EntryFault = string | undefined

/** The offset in an L1 entry, 0 for none; `undefined` when the entry has bits that it must not have. */
export function l1Offset(table: Buffer, index: number): number | undefined {
  const high = table.readUInt32BE(index * 8)
  const low = table.readUInt32BE(index * 8 + 4)
  if ((high & ~(OFFSET_MASK_HIGH | COPIED_HIGH)) !== 0 || (low & ~OFFSET_MASK_LOW) !== 0) return undefined
  return (high & OFFSET_MASK_HIGH) * TWO_32 + (low >>> 0)
}

/** Where one cluster is, by its standard L2 entry; a string says why the entry is none. */
export function mappingOf(table: Buffer, index: number, header: Qcow2Header): Mapping | string {
  const high = table.readUInt32BE(index * 8)
  const low = table.readUInt32BE(index * 8 + 4)
  if ((high & COMPRESSED_HIGH) !== 0) return compressedMapping(high, low, header)
  if ((high & ~(OFFSET_MASK_HIGH | COPIED_HIGH)) !== 0 || (low & ~(OFFSET_MASK_LOW | ZERO_LOW)) !== 0) {
    return 'its entry has reserved bits'
  }
  const host = (high & OFFSET_MASK_HIGH) * TWO_32 + ((low & OFFSET_MASK_LOW) >>> 0)
  if (host % header.clusterBytes !== 0) return `its host offset ${host} is not at a cluster`
  if ((low & ZERO_LOW) !== 0) {
    if (header.version === 2) return 'its entry has a zero flag, which version 2 does not know'
    return { kind: 'zero', host: host === 0 ? undefined : host }
  }
  return host === 0 ? { kind: 'unallocated', host: undefined } : { kind: 'data', host }
}

/**
 * "Compressed Clusters Descriptor": with x = 62 - (clusterBits - 8), bits 0 to x - 1 are the host offset, which need not be aligned, and
 * bits x to 61 the number of sectors beyond the first that it reaches into.
 */
function compressedMapping(high: number, low: number, { clusterBits }: Qcow2Header): Mapping {
  const offsetBits = 62 - (clusterBits - 8)
  const bits = (BigInt(high & 0x3fff_ffff) << 32n) | BigInt(low >>> 0)
  const host = Number(bits & ((1n << BigInt(offsetBits)) - 1n))
  const sectors = Number(bits >> BigInt(offsetBits)) + 1
  return { kind: 'compressed', host, bytes: sectors * 512 - (host % 512) }
}

/** An extended entry has 32 subclusters. */
export const SUBCLUSTERS = 32

/** Where one subcluster is, by the extended L2 entry of its cluster; a string says why the entry is none. */
export function subclusterMapping(
  table: Buffer,
  index: number,
  subcluster: number,
  header: Qcow2Header,
): Mapping | string {
  const at = index * 16
  const high = table.readUInt32BE(at)
  const low = table.readUInt32BE(at + 4)
  if ((high & COMPRESSED_HIGH) !== 0) return compressedMapping(high, low, header)
  if ((high & ~(OFFSET_MASK_HIGH | COPIED_HIGH)) !== 0 || (low & ~OFFSET_MASK_LOW) !== 0)
    return 'its entry has reserved bits'
  const cluster = (high & OFFSET_MASK_HIGH) * TWO_32 + (low >>> 0)
  if (cluster % header.clusterBytes !== 0) return `its host offset ${cluster} is not at a cluster`
  const isAllocated = ((table.readUInt32BE(at + 12) >>> subcluster) & 1) === 1
  const isZero = ((table.readUInt32BE(at + 8) >>> subcluster) & 1) === 1
  if (isAllocated && isZero) return `its subcluster ${subcluster} is both allocated and zero`
  if (isAllocated && cluster === 0) return `its subcluster ${subcluster} is allocated nowhere`
  const host = cluster === 0 ? undefined : cluster + subcluster * (header.clusterBytes / SUBCLUSTERS)
  if (isZero) return { kind: 'zero', host }
  if (isAllocated && host !== undefined) return { kind: 'data', host }
  return host === undefined ? { kind: 'unallocated', host } : { kind: 'unallocated', host }
}
