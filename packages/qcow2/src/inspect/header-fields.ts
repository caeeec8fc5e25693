/**
 * The fields of a qcow2 header as they stand there (QEMU docs/interop/qcow2.txt, "Header"), before anything is known of their sense.
 * Offsets and sizes that may be anything are bigints.
 */
export interface HeaderFields {
  readonly version: number
  readonly backingOffset: bigint
  readonly backingLength: number
  readonly clusterBits: number
  readonly virtualSize: bigint
  readonly cryptMethod: number
  readonly l1Entries: number
  readonly l1Offset: bigint
  readonly refcountTableOffset: bigint
  readonly refcountTableClusters: number
  readonly snapshots: number
  /** From here on the fields of version 3; what the format says they are in version 2. */
  readonly incompatible: bigint
  readonly autoclear: bigint
  readonly refcountOrder: number
  readonly headerLength: number
  readonly compressionType: number
}

export const V2_HEADER_BYTES = 72
export const V3_HEADER_BYTES = 104
/** With the compression type, the last field that is known. */
export const COMPRESSION_HEADER_BYTES = 112

/** Reads the fields; those that are not in `head` any more are zero. */
export function readFields(head: Buffer): HeaderFields {
  const bytes = Buffer.alloc(COMPRESSION_HEADER_BYTES)
  head.copy(bytes)
  const version = bytes.readUInt32BE(4)
  return {
    version,
    backingOffset: bytes.readBigUInt64BE(8),
    backingLength: bytes.readUInt32BE(16),
    clusterBits: bytes.readUInt32BE(20),
    virtualSize: bytes.readBigUInt64BE(24),
    cryptMethod: bytes.readUInt32BE(32),
    l1Entries: bytes.readUInt32BE(36),
    l1Offset: bytes.readBigUInt64BE(40),
    refcountTableOffset: bytes.readBigUInt64BE(48),
    refcountTableClusters: bytes.readUInt32BE(56),
    snapshots: bytes.readUInt32BE(60),
    ...(version === 2 ? V2_FIELDS : readV3Fields(bytes)),
  }
}

const V2_FIELDS = {
  incompatible: 0n,
  autoclear: 0n,
  refcountOrder: 4,
  headerLength: V2_HEADER_BYTES,
  compressionType: 0,
} as const

function readV3Fields(bytes: Buffer) {
  const headerLength = bytes.readUInt32BE(100)
  return {
    incompatible: bytes.readBigUInt64BE(72),
    autoclear: bytes.readBigUInt64BE(88),
    refcountOrder: bytes.readUInt32BE(96),
    headerLength,
    compressionType: headerLength >= COMPRESSION_HEADER_BYTES ? bytes.readUInt8(104) : 0,
  }
}
