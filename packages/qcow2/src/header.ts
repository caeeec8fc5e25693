import { qcow2Error } from './errors.ts'
import { type HeaderExtension, readExtensions } from './header-extensions.ts'

/** "QFI" and 0xfb. */
const MAGIC = 0x514649fb
const V2_HEADER_BYTES = 72
const V3_HEADER_BYTES = 104
/** With the compression type, the last field that the format has. */
const COMPRESSION_FIELD = 104
/** The most that a reader has to have of a file: a header, with its extensions, lies within the first cluster. */
export const MAX_HEADER_BYTES = 2 * 1024 * 1024
/** QEMU's own bounds: QCOW_MAX_L1_SIZE and QCOW_MAX_REFTABLE_SIZE. */
const MAX_L1_BYTES = 32 * 1024 ** 2
const MAX_REFCOUNT_TABLE_BYTES = 8 * 1024 ** 2
const MAX_BACKING_NAME_BYTES = 1023

/** Incompatible feature bits: what does not know one must not open the image. */
export const INCOMPATIBLE = { dirty: 0, corrupt: 1, dataFile: 2, compressionType: 3, extendedL2: 4 } as const
/** Compatible and autoclear ones. */
export const COMPATIBLE = { lazyRefcounts: 0 } as const
export const AUTOCLEAR = { bitmaps: 0, rawDataFile: 1 } as const

export type Compression = 'zlib' | 'zstd'

/** The header of a qcow2 image (QEMU docs/interop/qcow2.txt, "Header"): what it says, checked for itself but not against the file. */
export interface Qcow2Header {
  readonly version: 2 | 3
  /** Bytes of the header without its extensions. */
  readonly headerBytes: number
  readonly clusterBits: number
  readonly clusterBytes: number
  /** Bytes of the disk that a guest sees. */
  readonly virtualSizeBytes: number
  /** 0 none, 1 AES, 2 LUKS. */
  readonly cryptMethod: number
  readonly l1Offset: number
  readonly l1Entries: number
  readonly refcountTableOffset: number
  readonly refcountTableBytes: number
  /** A refcount has 2 to this power bits. */
  readonly refcountOrder: number
  readonly snapshotCount: number
  readonly snapshotsOffset: number
  readonly incompatible: bigint
  readonly compatible: bigint
  readonly autoclear: bigint
  readonly compression: Compression
  readonly hasExtendedL2: boolean
  /** The name as it stands in the file: never to be followed. */
  readonly backingName: string | undefined
  readonly extensions: readonly HeaderExtension[]
}

/** Whether a feature bit is set. */
export function hasFeature(features: bigint, bit: number): boolean {
  return ((features >> BigInt(bit)) & 1n) === 1n
}

/** Bytes that say how far a header may reach. */
export const HEADER_START_BYTES = 24

/** How much {@link readHeader} needs of a file that begins so: the first cluster, beyond which a header says nothing. */
export function headerReach(start: Buffer): number {
  const clusterBits = start.length < HEADER_START_BYTES ? 0 : start.readUInt32BE(20)
  return Math.min(MAX_HEADER_BYTES, Math.max(V3_HEADER_BYTES, 2 ** Math.min(clusterBits, 31)))
}

/**
 * Reads a header from the first bytes of a file, of which as many as the file has up to {@link MAX_HEADER_BYTES} are needed. Throws
 * `SHOAL_QCOW2_MAGIC`, `SHOAL_QCOW2_VERSION`, `SHOAL_QCOW2_HEADER` or `SHOAL_QCOW2_TRUNCATED`.
 */
export function readHeader(head: Buffer): Qcow2Header {
  const invalid = (reason: string) => qcow2Error('SHOAL_QCOW2_HEADER', { reason })
  need(head, 8)
  if (head.readUInt32BE(0) !== MAGIC) throw qcow2Error('SHOAL_QCOW2_MAGIC')
  const version = head.readUInt32BE(4)
  if (version !== 2 && version !== 3) throw qcow2Error('SHOAL_QCOW2_VERSION', { version })
  need(head, version === 2 ? V2_HEADER_BYTES : V3_HEADER_BYTES)
  const clusterBits = head.readUInt32BE(20)
  if (clusterBits < 9 || clusterBits > 21) throw invalid(`clusters of 2^${clusterBits} bytes`)
  const clusterBytes = 2 ** clusterBits
  const headerBytes = version === 2 ? V2_HEADER_BYTES : head.readUInt32BE(100)
  if (headerBytes < V2_HEADER_BYTES || headerBytes > clusterBytes) throw invalid(`it is ${headerBytes} bytes long`)
  if (version === 3 && (headerBytes < V3_HEADER_BYTES || headerBytes % 8 !== 0)) {
    throw invalid(`it is ${headerBytes} bytes long`)
  }
  need(head, headerBytes)
  const features = version === 2 ? NO_FEATURES : readFeatures(head)
  if (features.refcountOrder > 6) throw invalid(`refcounts of 2^${features.refcountOrder} bits`)
  const hasExtendedL2 = hasFeature(features.incompatible, INCOMPATIBLE.extendedL2)
  if (hasExtendedL2 && clusterBits < 14) throw invalid('clusters are too small for extended L2 entries')
  return {
    version,
    headerBytes,
    clusterBits,
    clusterBytes,
    ...features,
    hasExtendedL2,
    compression: readCompression(head, headerBytes, features.incompatible),
    virtualSizeBytes: readVirtualSize(head),
    cryptMethod: head.readUInt32BE(32),
    ...readL1(head, clusterBytes, hasExtendedL2),
    ...readRefcountTable(head, clusterBytes),
    ...readSnapshots(head),
    backingName: readBackingName(head, clusterBytes),
    extensions: readExtensions(head, headerBytes, clusterBytes),
  }
}

const NO_FEATURES = { incompatible: 0n, compatible: 0n, autoclear: 0n, refcountOrder: 4 }

function readFeatures(head: Buffer) {
  return {
    incompatible: head.readBigUInt64BE(72),
    compatible: head.readBigUInt64BE(80),
    autoclear: head.readBigUInt64BE(88),
    refcountOrder: head.readUInt32BE(96),
  }
}

/** The type has to be named in the header when the bit is set, and to be zlib when it is not. */
function readCompression(head: Buffer, headerBytes: number, incompatible: bigint): Compression {
  const type = headerBytes > COMPRESSION_FIELD ? head.readUInt8(COMPRESSION_FIELD) : 0
  const isOther = hasFeature(incompatible, INCOMPATIBLE.compressionType)
  if (type === 0 && !isOther) return 'zlib'
  if (type === 1 && isOther) return 'zstd'
  throw qcow2Error('SHOAL_QCOW2_HEADER', { reason: `compression type ${type}` })
}

function readVirtualSize(head: Buffer): number {
  const size = Number(head.readBigUInt64BE(24))
  if (Number.isSafeInteger(size)) return size
  throw qcow2Error('SHOAL_QCOW2_HEADER', { reason: `a virtual size of ${size} bytes` })
}

function readL1(head: Buffer, clusterBytes: number, hasExtendedL2: boolean) {
  const invalid = (reason: string) => qcow2Error('SHOAL_QCOW2_TABLE', { table: 'L1', reason })
  const l1Entries = head.readUInt32BE(36)
  const l1Offset = Number(head.readBigUInt64BE(40))
  const virtualSizeBytes = readVirtualSize(head)
  const perL2 = clusterBytes / (hasExtendedL2 ? 16 : 8)
  if (l1Entries * 8 > MAX_L1_BYTES) throw invalid(`${l1Entries} entries are too many`)
  if (l1Entries < Math.ceil(virtualSizeBytes / (clusterBytes * perL2))) {
    throw invalid(`${l1Entries} entries do not cover the virtual size`)
  }
  if (l1Offset % clusterBytes !== 0) throw invalid(`its offset ${l1Offset} is not at a cluster`)
  return { l1Entries, l1Offset }
}

function readRefcountTable(head: Buffer, clusterBytes: number) {
  const invalid = (reason: string) => qcow2Error('SHOAL_QCOW2_TABLE', { table: 'refcount', reason })
  const refcountTableOffset = Number(head.readBigUInt64BE(48))
  const refcountTableBytes = head.readUInt32BE(56) * clusterBytes
  if (refcountTableBytes > MAX_REFCOUNT_TABLE_BYTES) throw invalid('it is too large')
  if (refcountTableOffset % clusterBytes !== 0) throw invalid(`its offset ${refcountTableOffset} is not at a cluster`)
  return { refcountTableOffset, refcountTableBytes }
}

function readSnapshots(head: Buffer) {
  return { snapshotCount: head.readUInt32BE(60), snapshotsOffset: Number(head.readBigUInt64BE(64)) }
}

function readBackingName(head: Buffer, clusterBytes: number): string | undefined {
  const offset = Number(head.readBigUInt64BE(8))
  const length = head.readUInt32BE(16)
  if (offset === 0) return undefined
  if (length > MAX_BACKING_NAME_BYTES || offset + length > clusterBytes) {
    throw qcow2Error('SHOAL_QCOW2_HEADER', { reason: 'the name of its backing file is too long' })
  }
  need(head, offset + length)
  return head.toString('utf8', offset, offset + length)
}

function need(head: Buffer, neededBytes: number): void {
  if (head.length < neededBytes) throw qcow2Error('SHOAL_QCOW2_TRUNCATED', { sizeBytes: head.length, neededBytes })
}
