import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { crc32c } from '../../src/free-space/crc.ts'
import { findFreeSpace } from '../../src/free-space/free-space.ts'
import { collect } from './collect.ts'
import { MemoryDisk } from './memory-disk.ts'
import { bootRecord, gptDisk } from './partition-tables.ts'
import { randomIntegers } from './random.ts'
import { smallDisk } from './small-disks.ts'

const SECTOR_BYTES = 512
const KIB = 1024
const MIB = 1024 * KIB
const ROUNDS = 3000
/** The large one has room for whatever a mutated superblock says. */
const SIZES = [0, 3 * MIB, 20 * MIB, 16 * 2 ** 40]
const EXTREMES = [
  0, 1, 2, 7, 0x3f, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
]

/** A disk and where its file systems and its tables begin. */
interface Specimen {
  readonly bytes: Buffer
  readonly fileSystems: readonly number[]
  readonly tables: readonly number[]
}

const specimens: Specimen[] = []

before(async () => {
  const [unchecked, flexible, checked] = await Promise.all([
    smallDisk('unchecked'),
    smallDisk('flexible'),
    smallDisk('checked'),
  ])
  for (const { bytes } of [unchecked, flexible, checked]) specimens.push({ bytes, fileSystems: [0], tables: [] })
  const [first, extended, logical] = [1 * MIB, 6 * MIB, 6 * MIB + 63 * SECTOR_BYTES]
  const mbr = Buffer.alloc(12 * MIB)
  bootRecord([
    { first: first / SECTOR_BYTES, count: 8192 },
    { first: extended / SECTOR_BYTES, count: 10000, type: 5 },
  ]).copy(mbr)
  bootRecord([{ first: 63, count: 8192 }]).copy(mbr, extended)
  unchecked.bytes.copy(mbr, first)
  checked.bytes.copy(mbr, logical)
  specimens.push({ bytes: mbr, fileSystems: [first, logical], tables: [446, extended + 446] })
  const gpt = gptDisk(6 * MIB, [{ first: 2048, count: 8192 }])
  flexible.bytes.copy(gpt, 1 * MIB)
  specimens.push({ bytes: gpt, fileSystems: [1 * MIB], tables: [446, SECTOR_BYTES, 2 * SECTOR_BYTES] })
})

test('whatever a disk says, what is free lies within it and within what was asked of it', {
  timeout: 240_000,
}, async () => {
  const random = randomIntegers(20261121)
  let believed = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const specimen = specimens[round % specimens.length]
    assert.ok(specimen !== undefined)
    const bytes = Buffer.from(specimen.bytes)
    for (let step = random(4); step >= 0; step -= 1) mutate(bytes, specimen, random)
    // The sum of the superblock is made right again: what is behind it is to be reached.
    if (random(3) > 0) for (const start of specimen.fileSystems) seal(bytes, start)
    const size = SIZES[random(12)] ?? bytes.length
    const disk = new MemoryDisk(size < bytes.length ? bytes.subarray(0, size) : bytes, size)
    const context = `round ${round}`
    const { partitions, ranges } = await findFreeSpace(disk)
    const free = await collect(ranges())
    let end = -1
    for (const { start, length } of free) {
      assert.ok(start > end && length > 0, context)
      const owner = partitions.find((one) => one.start <= start && start + length <= one.start + one.length)
      assert.equal(owner?.reason, null, context)
      end = start + length
    }
    assert.ok(end <= size, context)
    const sum = partitions.reduce((total, { freeBytes }) => total + freeBytes, 0)
    assert.equal(
      free.reduce((total, { length }) => total + length, 0),
      sum,
      context,
    )
    assert.ok(disk.reads < 3000, `${context}: ${disk.reads} reads`)
    if (sum > 0) believed += 1
  }
  assert.ok(believed > ROUNDS / 20 && believed < ROUNDS, `${believed} of ${ROUNDS} were believed`)
})

/** Changes a field, mostly of what is looked at. */
function mutate(bytes: Buffer, { fileSystems, tables }: Specimen, random: (bound: number) => number): void {
  const isTable = tables.length > 0 && random(3) === 0
  const starts = isTable ? tables : fileSystems
  const start = starts[random(starts.length)] ?? 0
  // A table, the used part of a superblock, descriptors, bitmaps and tables, or anything.
  const [from, length] = isTable
    ? [0, 128]
    : ((
        [
          [KIB, 0x110],
          [KIB, KIB],
          [2 * KIB, 256],
          [2 * KIB, 20 * KIB],
          [0, 128 * KIB],
        ] as const
      )[random(5)] ?? [0, KIB])
  const at = Math.min(start + from + random(length), bytes.length - 4)
  const kind = random(4)
  if (kind === 0) bytes.writeUInt8(random(256), at)
  else if (kind === 1) bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random(8)), at)
  else if (kind === 2) bytes.writeUInt32LE(EXTREMES[random(EXTREMES.length)] ?? 0, at - (at % 4))
  else {
    const source = random(bytes.length - 64)
    bytes.copy(bytes, at, source, source + 1 + random(64))
  }
}

function seal(bytes: Buffer, start: number): void {
  const superblock = bytes.subarray(start + KIB, start + 2 * KIB)
  superblock.writeUInt32LE(crc32c(superblock.subarray(0, 0x3fc), 0xffffffff), 0x3fc)
}
