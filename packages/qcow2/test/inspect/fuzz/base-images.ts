import { type CraftedImage, craftImage } from '../craft-image.ts'

/** What a mutation changes: entries of a table, all of one length. */
export interface Table {
  readonly offset: number
  readonly entries: number
  readonly entryBytes: 4 | 8
}

export interface BaseImage extends CraftedImage {
  readonly tables: readonly [Table, ...Table[]]
}

const SNAPSHOT_TABLE_BYTES = 64
const names = { type: 0x6803f857, data: Buffer.alloc(48 * 3, 'a feature') }
const unknown = { type: 0x1234, data: Buffer.alloc(13, 1) }
const content = Array.from(
  { length: 70 },
  (_, guest) => (['data', 'compressed', 'zero', 'absent'] as const)[guest % 4] ?? 'data',
)

/** Good images of every kind that the reader knows; small ones, since each is mutated thousands of times a second. */
export function baseImages(): readonly [BaseImage, ...BaseImage[]] {
  return [
    toBase(craftImage({ clusterBits: 12 })),
    toBase(craftImage({ clusterBits: 9, content })),
    toBase(craftImage({ clusterBits: 9, version: 2 })),
    toBase(craftImage({ clusterBits: 12, version: 2 })),
    toBase(craftImage({ clusterBits: 12, compression: 'zstd', extensions: [names, unknown] })),
    toBase(craftImage({ clusterBits: 14, hasExtendedL2: true })),
    toBase(craftImage({ clusterBits: 10, extensions: [names] })),
    toBase(craftImage({ clusterBits: 16, content: ['data', 'compressed', 'absent', 'zero'] })),
    toBase(withSnapshot(craftImage({ clusterBits: 12 }))),
  ]
}

function toBase(image: CraftedImage): BaseImage {
  const { l1Offset, l1Entries, l2Offsets, clusterBytes, refcountTableOffset, refcountBlockOffset } = image
  const word = 8 as const
  return {
    ...image,
    tables: [
      { offset: l1Offset, entries: l1Entries + 1, entryBytes: word },
      { offset: refcountTableOffset, entries: 2, entryBytes: word },
      { offset: refcountBlockOffset, entries: 4, entryBytes: word },
      // What is in use is at the beginning of a table; the rest is hit now and then by other mutations.
      ...l2Offsets.map((offset) => ({ offset, entries: Math.min(clusterBytes / word, 12), entryBytes: word })),
    ],
  }
}

/** An internal snapshot that shares the active L1 table: readers of the active disk need not look at it. */
function withSnapshot(image: CraftedImage): CraftedImage {
  const table = Buffer.alloc(image.clusterBytes)
  table.writeBigUInt64BE(BigInt(image.l1Offset), 0)
  table.writeUInt32BE(image.l1Entries, 8)
  table.writeUInt16BE(1, 12)
  table.writeUInt16BE(4, 14)
  table.write('1snap', SNAPSHOT_TABLE_BYTES, 'latin1')
  image.bytes.writeUInt32BE(1, 60)
  image.bytes.writeBigUInt64BE(BigInt(image.bytes.length), 64)
  return { ...image, bytes: Buffer.concat([image.bytes, table]) }
}
