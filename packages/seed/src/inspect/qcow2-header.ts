import { seedError } from '../errors.ts'

/** The fields of a qcow2 header that say where things are (QEMU docs/interop/qcow2.txt), after every check. */
export interface Qcow2Header {
  readonly version: 2 | 3
  readonly clusterBytes: number
  readonly virtualSizeBytes: number
  readonly l1Offset: number
  readonly l1Entries: number
  readonly refcountTableOffset: number
  readonly refcountTableBytes: number
}

const V2_HEADER_BYTES = 72
const V3_HEADER_BYTES = 104
const COMPRESSION_HEADER_BYTES = 112
/** No known writer makes a longer header; the bytes after the known fields must be zero. */
const MAX_HEADER_BYTES = 512
/** QEMU's own bounds: QCOW_MAX_L1_SIZE and QCOW_MAX_REFTABLE_SIZE. */
const MAX_L1_BYTES = 32 * 1024 ** 2
const MAX_REFCOUNT_TABLE_BYTES = 8 * 1024 ** 2

const INCOMPATIBLE = { dirty: 1n, corrupt: 2n, dataFile: 4n, compression: 8n, extendedL2: 16n } as const
const KNOWN_INCOMPATIBLE = 31n
const AUTOCLEAR_RAW_DATA_FILE = 2n

const EXTENSION = { end: 0, bitmaps: 0x23852875, encryption: 0x0537be77, dataFile: 0x44415441 } as const

/**
 * Reads and checks a qcow2 header as hostile input. `head` holds the first bytes of a file of `sizeBytes`; the
 * header extensions must end within it. Throws a `SHOAL_IMAGE_*` code for the first fault.
 */
export function readQcow2Header(
  head: Uint8Array,
  { sizeBytes, maxVirtualBytes }: { sizeBytes: number; maxVirtualBytes: number },
): Qcow2Header {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength)
  const need = (neededBytes: number) => {
    if (bytes.length < neededBytes) throw seedError('SHOAL_IMAGE_TRUNCATED', { sizeBytes, neededBytes })
  }
  need(V2_HEADER_BYTES)
  const version = bytes.readUInt32BE(4)
  if (version !== 2 && version !== 3) throw seedError('SHOAL_IMAGE_QCOW2_VERSION', { version })
  const clusterBits = bytes.readUInt32BE(20)
  if (clusterBits < 9 || clusterBits > 21) throw seedError('SHOAL_IMAGE_QCOW2_CLUSTER_BITS', { clusterBits })
  const clusterBytes = 2 ** clusterBits
  if (version === 3) need(V3_HEADER_BYTES)
  const headerLength = version === 2 ? V2_HEADER_BYTES : bytes.readUInt32BE(100)
  if (version === 3) checkHeaderLength(headerLength, clusterBytes)
  need(headerLength)

  if (version === 3) checkFeatures(bytes, headerLength)
  if (bytes.readBigUInt64BE(8) !== 0n || bytes.readUInt32BE(16) !== 0) throw seedError('SHOAL_IMAGE_BACKING_FILE')
  if (bytes.readUInt32BE(32) !== 0) throw seedError('SHOAL_IMAGE_ENCRYPTED')
  const snapshots = bytes.readUInt32BE(60)
  if (snapshots !== 0) throw seedError('SHOAL_IMAGE_SNAPSHOTS', { snapshots })
  walkExtensions(bytes, headerLength, Math.min(clusterBytes, bytes.length), clusterBytes)

  const virtualSizeBytes = checkVirtualSize(bytes.readBigUInt64BE(24), maxVirtualBytes)
  if (sizeBytes < clusterBytes) throw seedError('SHOAL_IMAGE_TRUNCATED', { sizeBytes, neededBytes: clusterBytes })
  const header = { version, clusterBytes, virtualSizeBytes, ...readTables(bytes, clusterBytes) } as const
  checkTables(header, sizeBytes)
  return header
}

function checkHeaderLength(headerLength: number, clusterBytes: number): void {
  const limit = Math.min(MAX_HEADER_BYTES, clusterBytes)
  if (headerLength < V3_HEADER_BYTES || headerLength > limit || headerLength % 8 !== 0) {
    throw seedError('SHOAL_IMAGE_QCOW2_HEADER_LENGTH', { headerLength })
  }
}

function checkFeatures(bytes: Buffer, headerLength: number): void {
  const incompatible = bytes.readBigUInt64BE(72)
  const autoclear = bytes.readBigUInt64BE(88)
  if ((incompatible & INCOMPATIBLE.dataFile) !== 0n || (autoclear & AUTOCLEAR_RAW_DATA_FILE) !== 0n) {
    throw seedError('SHOAL_IMAGE_DATA_FILE')
  }
  const unknown = incompatible & ~KNOWN_INCOMPATIBLE
  if (unknown !== 0n) throw seedError('SHOAL_IMAGE_QCOW2_FEATURES', { bits: `0x${unknown.toString(16)}` })
  if ((incompatible & INCOMPATIBLE.corrupt) !== 0n) throw seedError('SHOAL_IMAGE_QCOW2_CORRUPT')
  if ((incompatible & INCOMPATIBLE.dirty) !== 0n) throw seedError('SHOAL_IMAGE_QCOW2_DIRTY')
  if ((incompatible & INCOMPATIBLE.extendedL2) !== 0n) throw seedError('SHOAL_IMAGE_EXTENDED_L2')
  const refcountOrder = bytes.readUInt32BE(96)
  if (refcountOrder > 6) throw seedError('SHOAL_IMAGE_QCOW2_REFCOUNT_ORDER', { refcountOrder })

  // The bit says that the type is not zlib (0); the only other type is zstd (1).
  const compressionType = headerLength >= COMPRESSION_HEADER_BYTES ? bytes.readUInt8(104) : 0
  const expected = (incompatible & INCOMPATIBLE.compression) === 0n ? 0 : 1
  if (compressionType !== expected) throw seedError('SHOAL_IMAGE_QCOW2_COMPRESSION', { compressionType })
  if (bytes.subarray(105, headerLength).some((byte) => byte !== 0)) {
    throw seedError('SHOAL_IMAGE_QCOW2_HEADER_LENGTH', { headerLength })
  }
}

/**
 * Refuses extensions that name other files or structures, with or without their feature bit: QEMU has followed a
 * data file's name with the bit clear (CVE-2024-32498). Unknown extensions may be ignored by the format's rules.
 */
function walkExtensions(bytes: Buffer, start: number, end: number, clusterBytes: number): void {
  const invalid = (reason: string) => seedError('SHOAL_IMAGE_QCOW2_EXTENSION', { reason })
  let offset = start
  while (offset + 8 <= end) {
    const type = bytes.readUInt32BE(offset)
    const length = bytes.readUInt32BE(offset + 4)
    if (type === EXTENSION.end) return
    if (type === EXTENSION.dataFile) throw seedError('SHOAL_IMAGE_DATA_FILE')
    if (type === EXTENSION.encryption) throw seedError('SHOAL_IMAGE_ENCRYPTED')
    if (type === EXTENSION.bitmaps) throw seedError('SHOAL_IMAGE_BITMAPS')
    if (length > end - offset - 8) throw invalid(`the one at byte ${offset} is ${length} bytes long`)
    offset += 8 + Math.ceil(length / 8) * 8
  }
  if (offset < clusterBytes) throw invalid('the list has no end')
}

function checkVirtualSize(size: bigint, maxVirtualBytes: number): number {
  if (size > BigInt(maxVirtualBytes)) {
    throw seedError('SHOAL_IMAGE_VIRTUAL_SIZE_TOO_LARGE', {
      virtualSizeBytes: String(size),
      limitBytes: maxVirtualBytes,
    })
  }
  if (size === 0n || size % 512n !== 0n) {
    throw seedError('SHOAL_IMAGE_VIRTUAL_SIZE', { virtualSizeBytes: String(size) })
  }
  return Number(size)
}

function readTables(bytes: Buffer, clusterBytes: number) {
  return {
    l1Entries: bytes.readUInt32BE(36),
    // Above 2^53 the conversion rounds, which leaves the value far outside of any file all the same.
    l1Offset: Number(bytes.readBigUInt64BE(40)),
    refcountTableOffset: Number(bytes.readBigUInt64BE(48)),
    refcountTableBytes: bytes.readUInt32BE(56) * clusterBytes,
  }
}

function checkTables(header: Qcow2Header, sizeBytes: number): void {
  const { clusterBytes, virtualSizeBytes, l1Offset, l1Entries, refcountTableOffset, refcountTableBytes } = header
  const l1 = (reason: string) => seedError('SHOAL_IMAGE_QCOW2_L1_TABLE', { reason })
  const refcount = (reason: string) => seedError('SHOAL_IMAGE_QCOW2_REFCOUNT_TABLE', { reason })
  const neededEntries = Math.ceil(virtualSizeBytes / (clusterBytes * (clusterBytes / 8)))
  const l1Bytes = l1Entries * 8
  if (l1Entries < neededEntries) throw l1(`${l1Entries} entries do not cover the virtual size`)
  if (l1Bytes > MAX_L1_BYTES) throw l1(`${l1Entries} entries are too many`)
  if (l1Offset === 0 || l1Offset % clusterBytes !== 0) throw l1(`its offset ${l1Offset} is not at a cluster`)
  if (l1Offset + l1Bytes > sizeBytes) throw l1('it lies outside the file')
  if (refcountTableBytes === 0) throw refcount('it is empty')
  if (refcountTableBytes > MAX_REFCOUNT_TABLE_BYTES) throw refcount('it is too large')
  if (refcountTableOffset === 0 || refcountTableOffset % clusterBytes !== 0) {
    throw refcount(`its offset ${refcountTableOffset} is not at a cluster`)
  }
  if (refcountTableOffset + refcountTableBytes > sizeBytes) throw refcount('it lies outside the file')
  const l1End = l1Offset + Math.ceil(l1Bytes / clusterBytes) * clusterBytes
  if (l1Offset < refcountTableOffset + refcountTableBytes && refcountTableOffset < l1End) {
    throw refcount('it overlaps the L1 table')
  }
}
