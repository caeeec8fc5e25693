import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { findFreeSpace } from '../../src/free-space/free-space.ts'
import { collect } from './collect.ts'
import { MemoryDisk } from './memory-disk.ts'
import { bootRecord, gptDisk, type Sectors } from './partition-tables.ts'
import { type SmallDisk, smallDisk } from './small-disks.ts'

const SECTOR_BYTES = 512
const MIB = 1024 * 1024
/** Of a small disk. */
const COUNT = 8192
const EXTENDED = 0x0f

let unchecked: SmallDisk
let checked: SmallDisk

before(async () => {
  unchecked = await smallDisk('unchecked')
  checked = await smallDisk('checked')
})

const place = (disk: Buffer, { bytes }: SmallDisk, sector: number) => bytes.copy(disk, sector * SECTOR_BYTES)

const moved = ({ ranges }: SmallDisk, sector: number) =>
  ranges.map(({ start, length }) => ({ start: start + sector * SECTOR_BYTES, length }))

const reasons = async (disk: Buffer) => {
  const space = await findFreeSpace(new MemoryDisk(disk))
  const ranges = await collect(space.ranges())
  assert.equal(
    ranges.reduce((sum, { length }) => sum + length, 0),
    space.partitions.reduce((sum, { freeBytes }) => sum + freeBytes, 0),
  )
  return space.partitions.map(({ start, reason }) => [start / SECTOR_BYTES, reason])
}

test('a disk without a table is one partition', async () => {
  const space = await findFreeSpace(new MemoryDisk(unchecked.bytes))
  assert.deepEqual(await collect(space.ranges()), unchecked.ranges)
  assert.deepEqual(
    space.partitions.map(({ start, length, fileSystem }) => ({ start, length, fileSystem })),
    [{ start: 0, length: 4 * MIB, fileSystem: 'ext2' }],
  )
})

test('a boot sector with code but no table does not hide a file system', async () => {
  const disk = Buffer.from(unchecked.bytes)
  bootRecord([{ first: 63, count: 1000 }], 0x37).copy(disk)
  const space = await findFreeSpace(new MemoryDisk(disk))
  assert.deepEqual(await collect(space.ranges()), unchecked.ranges)
})

test('primary and logical partitions of an MBR are found, in the order of the disk', async () => {
  const disk = Buffer.alloc(24 * MIB)
  const extended = { first: 20000, count: 28000, type: EXTENDED }
  bootRecord([{ first: 11000, count: COUNT }, extended, { first: 2048, count: COUNT }]).copy(disk)
  const second = { first: 10000, count: 18000, type: 5 }
  bootRecord([{ first: 63, count: COUNT }, second]).copy(disk, extended.first * SECTOR_BYTES)
  bootRecord([{ first: 100, count: COUNT }]).copy(disk, (extended.first + second.first) * SECTOR_BYTES)
  place(disk, unchecked, 11000)
  place(disk, checked, 2048)
  place(disk, unchecked, 20063)
  place(disk, checked, 30100)
  const space = await findFreeSpace(new MemoryDisk(disk))
  assert.deepEqual(
    space.partitions.map(({ start, length, fileSystem, reason }) => ({ start, length, fileSystem, reason })),
    [
      { start: 2048 * SECTOR_BYTES, length: 4 * MIB, fileSystem: 'ext4', reason: null },
      { start: 11000 * SECTOR_BYTES, length: 4 * MIB, fileSystem: 'ext2', reason: null },
      { start: 20063 * SECTOR_BYTES, length: 4 * MIB, fileSystem: 'ext2', reason: null },
      { start: 30100 * SECTOR_BYTES, length: 4 * MIB, fileSystem: 'ext4', reason: null },
    ],
  )
  const expected = [moved(checked, 2048), moved(unchecked, 11000), moved(unchecked, 20063), moved(checked, 30100)]
  assert.deepEqual(await collect(space.ranges()), expected.flat())
})

test('the partitions of a GPT are found, and only as a whole', async () => {
  const partitions = [
    { first: 10240, count: COUNT },
    { first: 34, count: 2000 },
    { first: 2048, count: COUNT },
  ]
  const disk = gptDisk(10 * MIB, partitions)
  place(disk, checked, 10240)
  place(disk, unchecked, 2048)
  const space = await findFreeSpace(new MemoryDisk(disk))
  assert.deepEqual(
    space.partitions.map(({ start, fileSystem, reason }) => [start / SECTOR_BYTES, fileSystem, reason]),
    [
      [34, null, 'unknown file system'],
      [2048, 'ext2', null],
      [10240, 'ext4', null],
    ],
  )
  assert.deepEqual(await collect(space.ranges()), [moved(unchecked, 2048), moved(checked, 10240)].flat())
  for (const at of [SECTOR_BYTES + 56, 2 * SECTOR_BYTES + 60]) {
    const changed = Buffer.from(disk)
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
    const [[start, reason] = []] = await reasons(changed)
    assert.equal(start, 0)
    assert.match(String(reason), /checksum/)
  }
})

test('a GPT that is not as it must be makes all of the disk used', async () => {
  const one = [{ first: 2048, count: COUNT }]
  const changes: Readonly<Record<string, (header: Buffer) => void>> = {
    'no signature': (header) => header.write('EFI PARK', 'latin1'),
    'a header as long as nothing': (header) => header.writeUInt32LE(0, 12),
    'a header longer than its sector': (header) => header.writeUInt32LE(0xffffffff, 12),
    'a header from elsewhere': (header) => header.writeBigUInt64LE(2n, 24),
    'of a larger disk': (header) => header.writeBigUInt64LE(2n ** 63n, 48),
    'entries far away': (header) => header.writeBigUInt64LE(2n ** 64n - 1n, 72),
    'too many entries': (header) => header.writeUInt32LE(0xffffffff, 80),
    'entries of no size': (header) => header.writeUInt32LE(0, 84),
    'huge entries': (header) => header.writeUInt32LE(0x80000000, 84),
    'a wrong sum of entries': (header) => header.writeUInt32LE(1, 88),
    'usable space elsewhere': (header) => header.writeBigUInt64LE(2049n, 40),
  }
  for (const [name, change] of Object.entries(changes)) {
    const disk = gptDisk(10 * MIB, one, change)
    place(disk, unchecked, 2048)
    const [[start, reason] = [], ...rest] = await reasons(disk)
    assert.deepEqual({ start, rest }, { start: 0, rest: [] }, name)
    assert.match(String(reason), /GPT|does not have/, name)
  }
  const sound = gptDisk(10 * MIB, one)
  place(sound, unchecked, 2048)
  assert.deepEqual(await reasons(sound), [[2048, null]])
})

test('partitions that overlap each other or the table, or leave the disk, count as used', async () => {
  const withEntries = (entries: readonly Sectors[]) => {
    const disk = Buffer.alloc(24 * MIB)
    for (const { first } of entries) if (first < 40000) place(disk, unchecked, first)
    bootRecord(entries).copy(disk)
    return disk
  }
  const apart = withEntries([
    { first: 2048, count: COUNT },
    { first: 2048 + COUNT, count: COUNT },
  ])
  assert.deepEqual(await reasons(apart), [
    [2048, null],
    [2048 + COUNT, null],
  ])
  const overlapping = withEntries([
    { first: 30000, count: COUNT },
    { first: 2048, count: COUNT + 1 },
    { first: 2048 + COUNT, count: COUNT },
  ])
  assert.deepEqual(await reasons(overlapping), [
    [2048, 'it overlaps another'],
    [2048 + COUNT, 'it overlaps another'],
    [30000, null],
  ])
  const twice = withEntries([
    { first: 2048, count: COUNT },
    { first: 2048, count: COUNT },
  ])
  assert.deepEqual(await reasons(twice), [
    [2048, 'it overlaps another'],
    [2048, 'it overlaps another'],
  ])
  const beyond = withEntries([
    { first: 2048, count: COUNT },
    { first: 0xfffffffe, count: 0xffffffff },
  ])
  assert.deepEqual(await reasons(beyond), [
    [2048, null],
    [0xfffffffe, 'it reaches beyond the end of the disk'],
  ])
  assert.deepEqual(await reasons(bootRecord([{ first: 0, count: 1 }])), [[0, 'it overlaps another']])
})

test('a table and a file system on the same disk are both not believed', async () => {
  const disk = Buffer.alloc(12 * MIB)
  place(disk, unchecked, 0)
  bootRecord([{ first: 10240, count: COUNT }]).copy(disk)
  place(disk, unchecked, 10240)
  assert.deepEqual(await reasons(disk), [[0, 'it has both a partition table and a file system']])
})

test('a chain of logical partitions that is broken makes its extended partition used, and nothing else', async () => {
  const extended = { first: 20000, count: 20000, type: EXTENDED }
  const chains: Readonly<Record<string, readonly (readonly [number, Buffer])[]>> = {
    'to itself': [
      [
        0,
        bootRecord([
          { first: 63, count: COUNT },
          { first: 0, count: 9000, type: 5 },
        ]),
      ],
    ],
    'in a circle': [
      [
        0,
        bootRecord([
          { first: 63, count: COUNT },
          { first: 9000, count: 9000, type: 5 },
        ]),
      ],
      [
        9000,
        bootRecord([
          { first: 63, count: COUNT },
          { first: 0, count: 9000, type: 5 },
        ]),
      ],
    ],
    'without end': Array.from({ length: 300 }, (_, index) => {
      return [
        index,
        bootRecord([
          { first: 0, count: 0 },
          { first: index + 1, count: 1, type: 5 },
        ]),
      ] as const
    }),
    'out of the disk': [
      [
        0,
        bootRecord([
          { first: 63, count: COUNT },
          { first: 0xffffffff, count: 9000, type: 5 },
        ]),
      ],
    ],
    'out of the extended partition': [
      [
        0,
        bootRecord([
          { first: 63, count: COUNT },
          { first: 20000, count: 1, type: 5 },
        ]),
      ],
    ],
    'with a logical partition outside': [[0, bootRecord([{ first: 15000, count: COUNT }])]],
    'with three entries': [
      [
        0,
        bootRecord([
          { first: 63, count: 9 },
          { first: 0, count: 0 },
          { first: 90, count: 9 },
        ]),
      ],
    ],
    'with two logical partitions in a record': [
      [
        0,
        bootRecord([
          { first: 63, count: 9 },
          { first: 90, count: 9 },
        ]),
      ],
    ],
    'without a record': [],
  }
  for (const [name, records] of Object.entries(chains)) {
    const disk = Buffer.alloc(24 * MIB)
    bootRecord([{ first: 2048, count: COUNT }, extended]).copy(disk)
    place(disk, unchecked, 2048)
    place(disk, unchecked, 20063)
    for (const [at, record] of records) record.copy(disk, (extended.first + at) * SECTOR_BYTES)
    const [first, [start, reason] = [], ...rest] = await reasons(disk)
    assert.deepEqual({ first, start, rest }, { first: [2048, null], start: 20000, rest: [] }, name)
    assert.match(String(reason), /chain of logical/, name)
  }
})

test('a partition in an extended one whose chain is broken may hold logical partitions, and counts as used', async () => {
  const disk = Buffer.alloc(24 * MIB)
  bootRecord([
    { first: 2048, count: COUNT },
    { first: 2000, count: 20000, type: EXTENDED },
  ]).copy(disk)
  place(disk, unchecked, 2048)
  assert.deepEqual(await reasons(disk), [
    [2000, 'its chain of logical partitions is broken'],
    [2048, 'it overlaps another'],
  ])
})
