import type { Compression } from './header.ts'
import { INCOMPATIBLE } from './header.ts'

const HEADER_BYTES = 112
const REFCOUNT_ORDER = 4

export interface HeaderFields {
  readonly clusterBits: number
  readonly virtualSizeBytes: number
  readonly compression: Compression
  readonly l1Offset: number
  readonly l1Entries: number
  readonly refcountTableOffset: number
  readonly refcountTableClusters: number
}

/** A header of version 3 without extensions, and the end mark of their list (QEMU docs/interop/qcow2.txt). */
export function encodeHeader(fields: HeaderFields): Buffer {
  const header = Buffer.alloc(HEADER_BYTES + 8)
  header.writeUInt32BE(0x514649fb, 0)
  header.writeUInt32BE(3, 4)
  header.writeUInt32BE(fields.clusterBits, 20)
  header.writeBigUInt64BE(BigInt(fields.virtualSizeBytes), 24)
  header.writeUInt32BE(fields.l1Entries, 36)
  header.writeBigUInt64BE(BigInt(fields.l1Offset), 40)
  header.writeBigUInt64BE(BigInt(fields.refcountTableOffset), 48)
  header.writeUInt32BE(fields.refcountTableClusters, 56)
  if (fields.compression === 'zstd') {
    header.writeBigUInt64BE(1n << BigInt(INCOMPATIBLE.compressionType), 72)
    header.writeUInt8(1, 104)
  }
  header.writeUInt32BE(REFCOUNT_ORDER, 96)
  header.writeUInt32BE(HEADER_BYTES, 100)
  return header
}
