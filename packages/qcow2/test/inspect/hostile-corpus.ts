import { type CraftedImage, type CraftOptions, craftImage } from './craft-image.ts'
import { buildQcow2, type Qcow2Fields } from './qcow2-builder.ts'

/** A file that inspection has to judge. */
export interface CorpusFile {
  readonly name: string
  readonly format: 'raw' | 'qcow2'
  /** The code that it is to be refused with; `null` for an honest one. */
  readonly code: string | null
  readonly bytes: Buffer
}

const CLUSTER = 65_536
const COPIED = 1n << 63n
const COMPRESSED = 1n << 62n
const DATA_FILE = 0x44415441
const BITMAPS = 0x23852875
const LUKS = 0x0537be77
const BACKING_FORMAT = 0xe2792aca
const name = Buffer.from('/etc/passwd')

/** Honest images, and one crafted file for each thing that is refused. */
export function hostileCorpus(): CorpusFile[] {
  return [...honestFiles(), ...badHeaders(), ...badTables(), ...rawFiles()]
}

function honestFiles(): CorpusFile[] {
  const unknown = { type: 0x12345678, data: Buffer.from('whatever') }
  const files: [string, Buffer][] = [
    ['empty', buildQcow2()],
    ['empty, version 2', buildQcow2({ version: 2 })],
    ['short header', buildQcow2({ headerLength: 104 })],
    ['empty, zstd', buildQcow2({ incompatible: 8n, compressionType: 1 })],
    ['unknown extension', buildQcow2({ extensions: [unknown] })],
    ['L1 table at the end of the file', buildQcow2({ sizeBytes: CLUSTER * 3 + 16 })],
    ['version 2', craftImage({ version: 2 }).bytes],
    ['version 3', craftImage().bytes],
    ['zstd', craftImage({ compression: 'zstd', clusterBits: 12 }).bytes],
    ['clusters of 512 bytes', craftImage({ clusterBits: 9, content: many() }).bytes],
    ['clusters of 2 MiB', craftImage({ clusterBits: 21, content: ['data', 'absent', 'compressed'] }).bytes],
    ['last cluster cut', craftImage({ content: ['data', 'data'] }).bytes.subarray(0, -1000)],
  ]
  return files.map(([what, bytes]) => ({ name: `honest: ${what}`, format: 'qcow2', code: null, bytes }))
}

function badHeaders(): CorpusFile[] {
  const tooMany = Array.from({ length: 65 }, () => ({ type: 7, data: Buffer.alloc(0) }))
  const refused: [code: string, what: string, fields: Qcow2Fields][] = [
    ['FORMAT_MISMATCH', 'another magic', { magic: 'QFI\xfa' }],
    ['QCOW2_VERSION', 'version 1', { version: 1 }],
    ['QCOW2_VERSION', 'version 4', { version: 4 }],
    ['QCOW2_CLUSTER_BITS', 'cluster bits 8', { clusterBits: 8 }],
    ['QCOW2_CLUSTER_BITS', 'cluster bits 22', { clusterBits: 22 }],
    ['QCOW2_HEADER_LENGTH', 'a header shorter than its fields', { headerLength: 96 }],
    ['QCOW2_HEADER_LENGTH', 'a header of an odd length', { headerLength: 105 }],
    ['QCOW2_HEADER_LENGTH', 'a huge header', { headerLength: 0xffffffff }],
    ['BACKING_FILE', 'a backing file', { backingOffset: 512n, backingLength: 11 }],
    ['BACKING_FILE', 'a backing file without a length', { backingOffset: 512n }],
    ['DATA_FILE', 'the data file bit', { incompatible: 4n }],
    ['DATA_FILE', 'the raw data file bit', { autoclear: 2n }],
    ['DATA_FILE', 'a data file name with the bit clear', { extensions: [{ type: DATA_FILE, data: name }] }],
    ['DATA_FILE', 'a data file name in version 2', { version: 2, extensions: [{ type: DATA_FILE, data: name }] }],
    ['QCOW2_FEATURES', 'an unknown incompatible bit', { incompatible: 1n << 40n }],
    ['QCOW2_DIRTY', 'the dirty bit', { incompatible: 1n }],
    ['QCOW2_CORRUPT', 'the corrupt bit', { incompatible: 2n }],
    ['EXTENDED_L2', 'extended L2 entries', { incompatible: 16n }],
    ['QCOW2_COMPRESSION', 'a compression type without its bit', { compressionType: 1 }],
    ['QCOW2_COMPRESSION', 'an unknown compression type', { incompatible: 8n, compressionType: 2 }],
    ['QCOW2_REFCOUNT_ORDER', 'refcount order 7', { refcountOrder: 7 }],
    ['ENCRYPTED', 'AES encryption', { encryption: 1 }],
    ['ENCRYPTED', 'a LUKS header extension', { extensions: [{ type: LUKS, data: Buffer.alloc(16) }] }],
    ['SNAPSHOTS', 'internal snapshots', { snapshots: 1 }],
    ['BITMAPS', 'bitmaps', { extensions: [{ type: BITMAPS, data: Buffer.alloc(24) }] }],
    ['QCOW2_EXTENSION', 'an extension that ends outside', { extensions: [{ type: 7, data: name, length: 70_000 }] }],
    ['QCOW2_EXTENSION', 'extensions without end', { endMarker: false }],
    ['QCOW2_EXTENSION', 'very many extensions', { extensions: tooMany }],
    [
      'QCOW2_EXTENSION',
      'an extension in version 2',
      { version: 2, extensions: [{ type: BACKING_FORMAT, data: name }] },
    ],
    ['VIRTUAL_SIZE', 'virtual size 0', { virtualSize: 0n }],
    ['VIRTUAL_SIZE', 'an unaligned virtual size', { virtualSize: 1000n }],
    ['VIRTUAL_SIZE_TOO_LARGE', 'a disk of 4 EiB', { virtualSize: 1n << 62n }],
    ['QCOW2_L1_TABLE', 'an L1 table that is too small', { l1Entries: 1 }],
    ['QCOW2_L1_TABLE', 'an L1 table that is too large', { l1Entries: 0x40000000 }],
    ['QCOW2_L1_TABLE', 'an L1 table outside the file', { l1Offset: 65_536n * 4n }],
    ['QCOW2_L1_TABLE', 'an L1 table far outside', { l1Offset: (1n << 63n) + 65_536n }],
    ['QCOW2_L1_TABLE', 'an L1 table in the header', { l1Offset: 0n }],
    ['QCOW2_L1_TABLE', 'an unaligned L1 table', { l1Offset: 65_536n + 8n }],
    ['QCOW2_REFCOUNT_TABLE', 'no refcount table', { refcountClusters: 0 }],
    ['QCOW2_REFCOUNT_TABLE', 'a huge refcount table', { refcountClusters: 0xffffffff }],
    ['QCOW2_REFCOUNT_TABLE', 'a refcount table in the header', { refcountOffset: 0n }],
    ['QCOW2_REFCOUNT_TABLE', 'a refcount table outside', { refcountOffset: 65_536n * 4n }],
    ['QCOW2_REFCOUNT_TABLE', 'tables that overlap', { refcountOffset: 65_536n * 3n }],
    ['TRUNCATED', 'a file shorter than a cluster', { sizeBytes: 4096 }],
    ['TRUNCATED', 'a file shorter than a header', { sizeBytes: 64 }],
  ]
  const second = (found: string, offset: number, magic: string) => {
    const bytes = buildQcow2()
    bytes.write(magic, offset, 'latin1')
    return refuse('SECOND_FORMAT', `qcow2 and ${found}`, bytes)
  }
  const padding = buildQcow2()
  padding[110] = 1
  return [
    ...refused.map(([code, what, fields]) => refuse(code, what, buildQcow2(fields))),
    refuse('QCOW2_HEADER_LENGTH', 'bytes behind the last known field', padding),
    second('vdi', 64, '\x7f\x10\xda\xbe'),
    second('mbr', 510, '\x55\xaa'),
    second('gpt', 512, 'EFI PART'),
    second('iso', 32_769, 'CD001'),
    second('vhd', 4 * CLUSTER - 512, 'conectix'),
    second('dmg', 4 * CLUSTER - 512, 'koly'),
  ]
}

function badTables(): CorpusFile[] {
  return [
    tamper('QCOW2_L1_TABLE', 'an L1 entry outside the file', (image) => setL1(image, 0, COPIED | (1n << 40n))),
    tamper('QCOW2_L1_TABLE', 'an unaligned L1 entry', (image) => setL1(image, 0, l2At(image, 0) + 512n)),
    tamper('QCOW2_L1_TABLE', 'an L1 entry with reserved bits', (image) =>
      setL1(image, 0, l2At(image, 0) | (1n << 60n)),
    ),
    tamper('QCOW2_REFCOUNT_TABLE', 'a refcount block outside the file', (image) => {
      image.bytes.writeBigUInt64BE(1n << 40n, image.refcountTableOffset + 8)
    }),
    tamper('QCOW2_REFCOUNT_TABLE', 'an unaligned refcount block', (image) => {
      image.bytes.writeBigUInt64BE(BigInt(image.refcountBlockOffset + 512), image.refcountTableOffset)
    }),
    tamper('QCOW2_L2_TABLE', 'a cluster outside the file', (image) => setL2(image, 1, COPIED | (1n << 40n))),
    tamper('QCOW2_L2_TABLE', 'a cluster at the end of the file', (image) => {
      setL2(image, 1, COPIED | BigInt(image.bytes.length))
    }),
    tamper('QCOW2_L2_TABLE', 'an unaligned cluster', (image) => setL2(image, 0, hostOf(image, 0) + 512n)),
    tamper('QCOW2_L2_TABLE', 'an L2 entry with reserved bits', (image) =>
      setL2(image, 0, hostOf(image, 0) | (1n << 57n)),
    ),
    tamper('QCOW2_L2_TABLE', 'a zero flag in version 2', (image) => setL2(image, 0, hostOf(image, 0) | 1n), {
      version: 2,
    }),
    tamper('QCOW2_L2_TABLE', 'a compressed cluster outside the file', (image) => {
      setL2(image, 1, COMPRESSED | BigInt(image.bytes.length + 512))
    }),
    tamper('QCOW2_L2_TABLE', 'a compressed cluster that reaches out of the file', (image) => {
      setL2(image, 1, COMPRESSED | (100n << 54n) | BigInt(image.bytes.length - 512))
    }),
    tamper('QCOW2_L2_TABLE', 'a compressed cluster that is too long', (image) => {
      setL2(image, 1, COMPRESSED | (255n << 54n) | hostOf(image, 1))
    }),
    tamper('QCOW2_L2_TABLE', 'a compressed cluster with the copied flag', (image) => {
      setL2(image, 1, COPIED | COMPRESSED | hostOf(image, 1))
    }),
    tamper('QCOW2_OVERLAP', 'two guest clusters in one', (image) => setL2(image, 5, COPIED | hostOf(image, 0))),
    tamper('QCOW2_OVERLAP', 'a guest cluster in the header', (image) => {
      // Offset 0 is none: what leads there is compressed.
      setL2(image, 5, COMPRESSED | 1024n)
    }),
    tamper('QCOW2_OVERLAP', 'a guest cluster in the L1 table', (image) =>
      setL2(image, 5, COPIED | BigInt(image.l1Offset)),
    ),
    tamper('QCOW2_OVERLAP', 'a guest cluster in an L2 table', (image) => setL2(image, 5, COPIED | l2At(image, 0))),
    tamper('QCOW2_OVERLAP', 'a guest cluster in the refcount table', (image) => {
      setL2(image, 5, COPIED | BigInt(image.refcountTableOffset))
    }),
    tamper('QCOW2_OVERLAP', 'a guest cluster in a refcount block', (image) => {
      setL2(image, 5, COPIED | BigInt(image.refcountBlockOffset))
    }),
    tamper('QCOW2_OVERLAP', 'a compressed cluster in an uncompressed one', (image) => {
      setL2(image, 5, COMPRESSED | (hostOf(image, 0) + 512n))
    }),
    tamper('QCOW2_OVERLAP', 'a preallocated cluster in another', (image) =>
      setL2(image, 4, COPIED | hostOf(image, 6) | 1n),
    ),
    tamper('QCOW2_OVERLAP', 'a refcount block in the L1 table', (image) => {
      image.bytes.writeBigUInt64BE(BigInt(image.l1Offset), image.refcountTableOffset + 8)
    }),
    refuse('QCOW2_OVERLAP', 'two L1 entries with one L2 table', sharedTables()),
    refuse('QCOW2_OVERLAP', 'very many clusters in one compressed one', sharedClusters(64, 1000)),
    refuse('EXPANSION', 'a compressed cluster that is repeated without end', sharedClusters(0, 9000)),
  ]
}

function rawFiles(): CorpusFile[] {
  const raw = (magic: string, offset = 0) => {
    const bytes = Buffer.alloc(CLUSTER * 2)
    bytes.write(magic, offset, 'latin1')
    return bytes
  }
  const honest: [string, Buffer][] = [
    ['zeros', raw('')],
    ['GPT', raw('EFI PART', 512)],
    ['MBR', raw('\x55\xaa', 510)],
    ['ISO 9660', raw('CD001', 32_769)],
  ]
  const foreign: [string, Buffer][] = [
    ['qcow2', buildQcow2()],
    ['qed', raw('QED\0')],
    ['vmdk', raw('KDMV\x01\0\0\0')],
    ['vmdk of ESX', raw('COWD')],
    ['vmdk descriptor', raw('# Disk DescriptorFile\nversion=1\n')],
    ['vmdk descriptor behind comments', raw('# a comment\n\nversion=1\ncreateType="monolithicFlat"\n')],
    ['vhdx', raw('vhdxfile')],
    ['vhd', raw('conectix')],
    ['fixed vhd', raw('conectix', CLUSTER * 2 - 512)],
    ['dmg', raw('koly', CLUSTER * 2 - 512)],
    ['vdi', raw('\x7f\x10\xda\xbe', 64)],
    ['luks', raw('LUKS\xba\xbe')],
    ['parallels', raw('WithoutFreeSpace')],
    ['bochs', raw('Bochs Virtual HD Image')],
    ['cloop', raw('#!/bin/sh\n#V2.0 Format')],
  ]
  return [
    ...honest.map(([what, bytes]) => ({ name: `honest: raw, ${what}`, format: 'raw' as const, code: null, bytes })),
    ...foreign.map(([what, bytes]) => ({
      ...refuse('FORMAT_MISMATCH', `raw, ${what}`, bytes),
      format: 'raw' as const,
    })),
    { ...refuse('SIZE_UNALIGNED', 'raw, half a sector', Buffer.alloc(CLUSTER + 256)), format: 'raw' },
  ]
}

function refuse(code: string, what: string, bytes: Buffer): CorpusFile {
  return { name: what, format: 'qcow2', code: `SHOAL_IMAGE_${code}`, bytes }
}

function tamper(
  code: string,
  what: string,
  change: (image: CraftedImage) => void,
  options: CraftOptions = {},
): CorpusFile {
  const image = craftImage(options)
  change(image)
  return refuse(code, what, image.bytes)
}

function setL1(image: CraftedImage, index: number, entry: bigint): void {
  image.bytes.writeBigUInt64BE(entry, image.l1Offset + index * 8)
}

function setL2(image: CraftedImage, guest: number, entry: bigint): void {
  image.bytes.writeBigUInt64BE(entry, (image.l2Offsets[0] ?? 0) + guest * 8)
}

function l2At(image: CraftedImage, index: number): bigint {
  return BigInt(image.l2Offsets[index] ?? 0)
}

function hostOf(image: CraftedImage, guest: number): bigint {
  return BigInt(image.hosts[guest] ?? 0)
}

function many() {
  return Array.from({ length: 150 }, (_, guest) => (guest % 3 === 0 ? ('compressed' as const) : ('data' as const)))
}

/** Two L1 entries that name the same L2 table. */
function sharedTables(): Buffer {
  const image = craftImage({ clusterBits: 9, content: many() })
  setL1(image, 1, COPIED | l2At(image, 0))
  return image.bytes
}

/** So many guest clusters, each of them the same compressed data of so many sectors. */
function sharedClusters(sectors: number, count: number): Buffer {
  const image = craftImage({ clusterBits: 21, content: ['compressed', 'data'] })
  const tableEntries = image.clusterBytes / 8
  for (let guest = 2; guest < Math.min(count, tableEntries); guest += 1) {
    setL2(image, guest, COMPRESSED | (BigInt(sectors) << 49n) | hostOf(image, 0))
  }
  image.bytes.writeBigUInt64BE(BigInt(count) * BigInt(image.clusterBytes), 24)
  return image.bytes
}
