import { deflateRawSync, zstdCompressSync } from 'node:zlib'

/** What a guest cluster is to be. */
export type Content = 'absent' | 'data' | 'zero' | 'preallocated' | 'compressed'

export interface CraftOptions {
  version?: 2 | 3
  clusterBits?: number
  compression?: 'zlib' | 'zstd'
  hasExtendedL2?: boolean
  /** Guest clusters from the first on; the disk is a little longer. */
  content?: readonly Content[]
  extensions?: readonly { type: number; data: Buffer }[]
}

/** A whole qcow2 image in memory, and where its parts are. */
export interface CraftedImage {
  readonly bytes: Buffer
  readonly clusterBytes: number
  readonly virtualSizeBytes: number
  readonly l1Offset: number
  readonly l1Entries: number
  readonly refcountTableOffset: number
  readonly refcountBlockOffset: number
  /** L2 tables, in the order of the L1 table. */
  readonly l2Offsets: readonly number[]
  readonly l2EntryBytes: 8 | 16
  /** Host offsets by guest cluster; `undefined` where it has none. */
  readonly hosts: readonly (number | undefined)[]
  /** Where the list of extensions begins. */
  readonly headerBytes: number
}

const COPIED = 1n << 63n
const COMPRESSED = 1n << 62n
const ZERO = 1n
const ALL_SUBCLUSTERS = 0xffff_ffffn
const DEFAULT: readonly Content[] = [
  'data',
  'compressed',
  'compressed',
  'zero',
  'preallocated',
  'absent',
  'data',
  'data',
]

/**
 * Lays out an image that qemu-img check has nothing against: header, refcount table and block, L1 table, L2 tables, clusters. One block of
 * refcounts of 16 bits has to be enough.
 */
export function craftImage(options: CraftOptions = {}): CraftedImage {
  const { version = 3, clusterBits = 16, compression = 'zlib', hasExtendedL2 = false, content = DEFAULT } = options
  const clusterBytes = 2 ** clusterBits
  const l2EntryBytes = hasExtendedL2 ? 16 : 8
  const perTable = clusterBytes / l2EntryBytes
  const tables = Math.ceil((content.length + 1) / perTable)
  const virtualSizeBytes = (content.length + 1) * clusterBytes - 512
  const l2Offsets = Array.from({ length: tables }, (_, index) => (4 + index) * clusterBytes)
  const l2 = Buffer.alloc(tables * clusterBytes)
  const clusters = layClusters(content, { ...options, version, clusterBytes, compression }, (4 + tables) * clusterBytes)
  for (const [guest, entry] of clusters.entries.entries()) {
    l2.writeBigUInt64BE(entry.value, guest * l2EntryBytes)
    if (hasExtendedL2) l2.writeBigUInt64BE(entry.subclusters, guest * l2EntryBytes + 8)
  }
  const l1 = Buffer.alloc(clusterBytes)
  l2Offsets.forEach((offset, index) => {
    l1.writeBigUInt64BE(BigInt(offset) | COPIED, index * 8)
  })
  const refcountTable = Buffer.alloc(clusterBytes)
  refcountTable.writeBigUInt64BE(BigInt(2 * clusterBytes), 0)
  const head = encodeHead({
    ...options,
    version,
    clusterBits,
    compression,
    hasExtendedL2,
    virtualSizeBytes,
    l1Entries: tables,
  })
  const refcounts = Buffer.alloc(clusterBytes)
  for (let cluster = 0; cluster < 4 + tables; cluster += 1) refcounts.writeUInt16BE(1, cluster * 2)
  clusters.references.forEach((count, cluster) => {
    refcounts.writeUInt16BE(count, cluster * 2)
  })
  return {
    bytes: Buffer.concat([head.bytes, refcountTable, refcounts, l1, l2, clusters.bytes]),
    clusterBytes,
    virtualSizeBytes,
    l1Offset: 3 * clusterBytes,
    l1Entries: tables,
    refcountTableOffset: clusterBytes,
    refcountBlockOffset: 2 * clusterBytes,
    l2Offsets,
    l2EntryBytes,
    hosts: clusters.entries.map(({ host }) => host),
    headerBytes: head.headerBytes,
  }
}

interface Entry {
  readonly value: bigint
  readonly subclusters: bigint
  readonly host: number | undefined
}

/** Clusters one after the other; compressed ones are packed, and what follows them begins at a cluster again. */
function layClusters(
  content: readonly Content[],
  options: { version: 2 | 3; clusterBytes: number; compression: 'zlib' | 'zstd'; hasExtendedL2?: boolean },
  start: number,
) {
  const { version, clusterBytes, compression, hasExtendedL2 } = options
  const parts: Buffer[] = []
  const references = new Map<number, number>()
  let end = start
  const put = (bytes: Buffer) => {
    const at = end
    parts.push(bytes)
    end += bytes.length
    for (let cluster = Math.floor(at / clusterBytes); cluster * clusterBytes < end; cluster += 1) {
      references.set(cluster, (references.get(cluster) ?? 0) + 1)
    }
    return at
  }
  const align = () => {
    const filler = Buffer.alloc((clusterBytes - (end % clusterBytes)) % clusterBytes)
    parts.push(filler)
    end += filler.length
  }
  const entries = content.map((kind, guest): Entry => {
    if (kind === 'absent') return { value: 0n, subclusters: 0n, host: undefined }
    if (kind === 'zero' && version === 3) {
      return { value: hasExtendedL2 ? 0n : ZERO, subclusters: ALL_SUBCLUSTERS << 32n, host: undefined }
    }
    if (kind === 'compressed') {
      const raw = Buffer.alloc(clusterBytes, `compressed ${guest} `)
      const packed =
        compression === 'zlib' ? deflateRawSync(raw, { windowBits: 12, memLevel: 9 }) : zstdCompressSync(raw)
      const host = put(packed)
      const sectors = Math.floor((host + packed.length - 1) / 512) - Math.floor(host / 512)
      const offsetBits = BigInt(62 - (Math.log2(clusterBytes) - 8))
      return { value: COMPRESSED | (BigInt(sectors) << offsetBits) | BigInt(host), subclusters: 0n, host }
    }
    align()
    const host = put(Buffer.alloc(clusterBytes, guest + 1))
    const isZero = kind === 'preallocated' && version === 3
    const zero = isZero && !hasExtendedL2 ? ZERO : 0n
    return { value: BigInt(host) | COPIED | zero, subclusters: isZero ? ALL_SUBCLUSTERS << 32n : ALL_SUBCLUSTERS, host }
  })
  align()
  return { entries, references, bytes: Buffer.concat(parts) }
}

function encodeHead(
  options: Required<Pick<CraftOptions, 'version' | 'clusterBits' | 'compression' | 'hasExtendedL2'>> &
    Pick<CraftOptions, 'extensions'> & { virtualSizeBytes: number; l1Entries: number },
) {
  const clusterBytes = 2 ** options.clusterBits
  const bytes = Buffer.alloc(clusterBytes)
  const headerBytes = options.version === 2 ? 72 : 112
  bytes.write('QFI\xfb', 0, 'latin1')
  bytes.writeUInt32BE(options.version, 4)
  bytes.writeUInt32BE(options.clusterBits, 20)
  bytes.writeBigUInt64BE(BigInt(options.virtualSizeBytes), 24)
  bytes.writeUInt32BE(options.l1Entries, 36)
  bytes.writeBigUInt64BE(BigInt(3 * clusterBytes), 40)
  bytes.writeBigUInt64BE(BigInt(clusterBytes), 48)
  bytes.writeUInt32BE(1, 56)
  if (options.version === 3) {
    const isZstd = options.compression === 'zstd'
    bytes.writeBigUInt64BE((isZstd ? 8n : 0n) | (options.hasExtendedL2 ? 16n : 0n), 72)
    bytes.writeUInt32BE(4, 96)
    bytes.writeUInt32BE(headerBytes, 100)
    bytes.writeUInt8(isZstd ? 1 : 0, 104)
  }
  let offset = headerBytes
  for (const { type, data } of options.extensions ?? []) {
    bytes.writeUInt32BE(type, offset)
    bytes.writeUInt32BE(data.length, offset + 4)
    data.copy(bytes, offset + 8)
    offset += 8 + Math.ceil(data.length / 8) * 8
  }
  return { bytes, headerBytes }
}
