import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { crc32c } from '../../src/free-space/crc.ts'
import { findFreeSpace } from '../../src/free-space/free-space.ts'
import { collect } from './collect.ts'
import { MemoryDisk } from './memory-disk.ts'
import { type Kind, type SmallDisk, smallDisk } from './small-disks.ts'

const disks = new Map<Kind, SmallDisk>()

before(async () => {
  for (const kind of ['unchecked', 'flexible', 'checked'] as const) disks.set(kind, await smallDisk(kind))
})

const SUPERBLOCK = 1024
/** With blocks of 1 KiB the descriptors follow the superblock. */
const DESCRIPTORS = 2048

/** The one partition of a disk, of which nothing is free unless there is no reason. */
async function inspect(disk: MemoryDisk) {
  const space = await findFreeSpace(disk)
  const [partition] = space.partitions
  assert.equal(space.partitions.length, 1)
  const ranges = await collect(space.ranges())
  if (partition?.reason !== null) assert.deepEqual([ranges, partition?.freeBytes], [[], 0])
  return { partition, ranges }
}

function changed(kind: Kind, change: (bytes: Buffer) => void): MemoryDisk {
  const bytes = Buffer.from(disks.get(kind)?.bytes ?? '')
  change(bytes)
  return new MemoryDisk(bytes)
}

test('the disks of these tests are sound', async () => {
  for (const [kind, { bytes, ranges }] of disks) {
    const found = await inspect(new MemoryDisk(bytes))
    assert.equal(found.partition?.reason, null, kind)
    assert.deepEqual(found.ranges, ranges, kind)
    assert.ok(ranges.length > 2, kind)
  }
})

test('a superblock that cannot be is refused', async () => {
  const values: readonly (readonly [name: string, offset: number, bytes: 2 | 4, value: number])[] = [
    ['magic', 0x38, 2, 0xef54],
    ['a shift of 63', 0x18, 4, 63],
    ['a shift of 2^32 - 1', 0x18, 4, 0xffffffff],
    ['blocks of 128 KiB', 0x18, 4, 7],
    ['another size of blocks', 0x18, 4, 1],
    ['clusters without the feature', 0x1c, 4, 4],
    ['a huge cluster shift', 0x1c, 4, 0xffffffff],
    ['more blocks than the disk', 0x4, 4, 4097],
    ['2^32 - 1 blocks', 0x4, 4, 0xffffffff],
    ['no blocks', 0x4, 4, 0],
    ['one block', 0x4, 4, 1],
    ['no blocks in a group', 0x20, 4, 0],
    ['one block in a group', 0x20, 4, 1],
    ['too many blocks in a group', 0x20, 4, 8200],
    ['2^32 - 8 blocks in a group', 0x20, 4, 0xfffffff8],
    ['another first block', 0x14, 4, 0],
    ['a huge first block', 0x14, 4, 0xffffffff],
    ['no inodes in a group', 0x28, 4, 0],
    ['too many inodes in a group', 0x28, 4, 0xffffffff],
    ['other inodes', 0x0, 4, 12345],
    ['too many reserved blocks', 0xce, 2, 0xffff],
    ['inodes of no size', 0x58, 2, 0],
    ['inodes of an odd size', 0x58, 2, 129],
    ['inodes larger than blocks', 0x58, 2, 0x8000],
    ['an unknown revision', 0x4c, 4, 2],
    ['features of the first revision', 0x4c, 4, 0],
    ['an unknown incompatible feature', 0x60, 4, 0x80000000],
    ['an unknown feature for writers', 0x64, 4, 0x80000001],
    ['snapshots', 0x64, 4, 0x81],
    ['a journal', 0x60, 4, 0x8 | 0x2],
    ['a copy', 0x5a, 2, 1],
  ]
  for (const [name, offset, length, value] of values) {
    const disk = changed('unchecked', (bytes) => bytes.writeUIntLE(value, SUPERBLOCK + offset, length))
    const { partition } = await inspect(disk)
    assert.equal(typeof partition?.reason, 'string', name)
    assert.equal(partition?.fileSystem, null, name)
    assert.ok(disk.reads <= 2, name)
  }
})

test('descriptors of 64 bytes that cannot be are refused', async () => {
  for (const size of [0, 1, 32, 63, 96, 2048, 0xffff]) {
    const disk = changed('flexible', (bytes) => bytes.writeUInt16LE(size, SUPERBLOCK + 0xfe))
    assert.match((await inspect(disk)).partition?.reason ?? '', /descriptors/, `${size}`)
  }
})

test('a group that points to where nothing of it may be is refused', async () => {
  for (const field of [0, 4, 8]) {
    for (const block of [0, 4096, 0x7fffffff, 0xffffffff]) {
      for (const kind of ['unchecked', 'flexible'] as const) {
        const disk = changed(kind, (bytes) => bytes.writeUInt32LE(block, DESCRIPTORS + field))
        const { partition } = await inspect(disk)
        assert.equal(partition?.fileSystem, kind === 'unchecked' ? 'ext2' : 'ext4')
        assert.match(partition?.reason ?? '', /group 0 points to/, `field ${field}, block ${block}, ${kind}`)
      }
    }
    const high = changed('flexible', (bytes) => bytes.writeUInt32LE(0xffffffff, DESCRIPTORS + 0x20 + field))
    assert.match((await inspect(high)).partition?.reason ?? '', /group 0 points to/, `upper half of field ${field}`)
  }
  const elsewhere = changed('unchecked', (bytes) => bytes.copy(bytes, DESCRIPTORS, DESCRIPTORS + 32, DESCRIPTORS + 36))
  assert.match((await inspect(elsewhere)).partition?.reason ?? '', /group 0 points to/)
})

test('a bitmap and a descriptor that do not agree are not believed', async () => {
  const count = changed('unchecked', (bytes) =>
    bytes.writeUInt16LE(bytes.readUInt16LE(DESCRIPTORS + 0xc) - 1, DESCRIPTORS + 0xc),
  )
  assert.match((await inspect(count)).partition?.reason ?? '', /group 0 has not as much free/)
  const bitmap = changed('unchecked', (bytes) => {
    const at = bytes.readUInt32LE(DESCRIPTORS + 32) * 1024 + 127
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0x40, at)
  })
  assert.match((await inspect(bitmap)).partition?.reason ?? '', /group 1 has not as much free/)
})

test('what a bitmap says of blocks after the last is not heard', async () => {
  const disk = changed('unchecked', (bytes) => {
    const at = bytes.readUInt32LE(DESCRIPTORS + 3 * 32) * 1024 + 127
    assert.equal(bytes.readUInt8(at) & 0x80, 0x80, 'the last group is one block short')
    bytes.writeUInt8(bytes.readUInt8(at) & 0x7f, at)
  })
  const { partition, ranges } = await inspect(disk)
  assert.equal(partition?.reason, null)
  assert.deepEqual(ranges, disks.get('unchecked')?.ranges)
})

test('what is free by a bitmap but holds metadata is not free', async () => {
  // The bit of the bitmap itself is cleared, and the count made to fit.
  const disk = changed('unchecked', (bytes) => {
    const block = bytes.readUInt32LE(DESCRIPTORS)
    const at = block * 1024 + ((block - 1) >> 3)
    bytes.writeUInt8(bytes.readUInt8(at) & ~(1 << ((block - 1) & 7)), at)
    bytes.writeUInt16LE(bytes.readUInt16LE(DESCRIPTORS + 0xc) + 1, DESCRIPTORS + 0xc)
  })
  assert.match((await inspect(disk)).partition?.reason ?? '', /group 0 has not as much free/)
})

test('each wrong checksum is found', async () => {
  const bitmapOf = (bytes: Buffer) => bytes.readUInt32LE(DESCRIPTORS) * 1024
  const places: readonly (readonly [RegExp, (bytes: Buffer) => number])[] = [
    [/superblock/, () => SUPERBLOCK + 0x78],
    [/superblock/, () => SUPERBLOCK + 0x3fc],
    [/descriptor of its group 0/, () => DESCRIPTORS + 0x1c],
    [/descriptor of its group 0/, () => DESCRIPTORS + 0x1e],
    [/descriptor of its group 0/, () => DESCRIPTORS + 0x3f],
    [/descriptor of its group 3/, () => DESCRIPTORS + 3 * 64],
    [/block bitmap of its group 0/, bitmapOf],
    [/block bitmap of its group 0/, (bytes) => bitmapOf(bytes) + 127],
  ]
  for (const [index, [reason, at]] of places.entries()) {
    const disk = changed('checked', (bytes) => bytes.writeUInt8(bytes.readUInt8(at(bytes)) ^ 0x10, at(bytes)))
    assert.match((await inspect(disk)).partition?.reason ?? '', /checksum/, `place ${index}`)
    assert.match((await inspect(disk)).partition?.reason ?? '', reason, `place ${index}`)
  }
  for (const half of [0x18, 0x38]) {
    const disk = changed('checked', (bytes) => {
      bytes.writeUInt16LE(bytes.readUInt16LE(DESCRIPTORS + half) ^ 1, DESCRIPTORS + half)
      sealDescriptor(bytes, 0)
    })
    assert.match((await inspect(disk)).partition?.reason ?? '', /block bitmap of its group 0/, `half at ${half}`)
  }
  const beyond = changed('checked', (bytes) => bytes.writeUInt8(0, bitmapOf(bytes) + 128))
  assert.equal((await inspect(beyond)).partition?.reason, null, 'the rest of the block is not of the bitmap')
})

test('a group that was never written to is free only where that is proven', async () => {
  const { bytes } = disks.get('checked') ?? { bytes: Buffer.alloc(0) }
  const group = [0, 1, 2, 3].find((index) => (bytes.readUInt16LE(DESCRIPTORS + index * 64 + 0x12) & 2) !== 0)
  assert.ok(group !== undefined)
  const count = changed('checked', (copy) => {
    const at = DESCRIPTORS + group * 64 + 0xc
    copy.writeUInt16LE(copy.readUInt16LE(at) - 1, at)
    sealDescriptor(copy, group)
  })
  assert.match((await inspect(count)).partition?.reason ?? '', new RegExp(`group ${group} has not as much free`))
  for (const [field, block] of [
    [0x4, 1 + group * 1024 + 1023],
    [0x8, 1 + group * 1024 + 900],
    [0x8, 1 + (group + 1) * 1024 - 1],
  ] as const) {
    const disk = changed('checked', (copy) => {
      copy.writeUInt32LE(block, DESCRIPTORS + field)
      sealDescriptor(copy, 0)
    })
    const { partition } = await inspect(disk)
    assert.equal(partition?.reason, 'a group that was never written to has metadata of another', `block ${block}`)
  }
})

test('a file system that is not clean is not believed, but named', async () => {
  const commands: readonly (readonly [RegExp, string])[] = [
    [/journal has to be replayed/, 'feature needs_recovery'],
    [/not cleanly unmounted/, 'ssv state 0'],
    [/errors were found/, 'ssv state 3'],
  ]
  for (const [reason, command] of commands) {
    const { bytes } = await smallDisk('checked', [command])
    const { partition } = await inspect(new MemoryDisk(bytes))
    assert.equal(partition?.fileSystem, 'ext4', command)
    assert.match(partition?.reason ?? '', reason)
  }
})

test('a partition with the signature of something else is not believed', async () => {
  const signatures: readonly (readonly [string, number, string])[] = [
    ['xfs', 0, 'XFSB'],
    ['LUKS', 0, 'LUKS\xba\xbe'],
    ['LVM', 512, 'LABELONE'],
    ['Linux RAID', 4096, '\xfc\x4e\x2b\xa9'],
    ['btrfs', 65600, '_BHRfS_M'],
    ['zfs', 16408, 'version\0'],
    ['ISO 9660', 32769, 'CD001'],
  ]
  for (const [name, offset, magic] of signatures) {
    const disk = changed('unchecked', (bytes) => bytes.write(magic, offset, 'latin1'))
    assert.match((await inspect(disk)).partition?.reason ?? '', new RegExp(`signature of ${name}`))
  }
})

test('a disk that is cut short, empty or full of one byte has no free space', async () => {
  const bytes = disks.get('unchecked')?.bytes ?? Buffer.alloc(0)
  for (const size of [0, 1, 511, 512, 1023, 1024, 2047, 2048, 4096, bytes.length - 1]) {
    const { partition } = await inspect(new MemoryDisk(bytes.subarray(0, size)))
    assert.equal(typeof partition?.reason, 'string', `${size} bytes`)
  }
  for (const byte of [0x00, 0x55, 0xaa, 0xff]) {
    const { partition } = await inspect(new MemoryDisk(Buffer.alloc(65536, byte)))
    assert.equal(partition?.reason, 'unknown file system')
  }
})

test('a disk that gives fewer bytes than it has is a fault, not an endless loop', async () => {
  const bytes = disks.get('unchecked')?.bytes ?? Buffer.alloc(0)
  for (const given of [0, 1, 512, 2000, 2048, 3000, 65536]) {
    const disk = {
      virtualSizeBytes: bytes.length,
      read: async (offset: number, length: number) => bytes.subarray(offset, Math.min(offset + length, given)),
    }
    const space = await findFreeSpace(disk)
    assert.match(space.partitions[0]?.reason ?? '', /the disk ends/, `${given} bytes`)
  }
})

test('a disk that changes after it was looked at gives less, and no error', async () => {
  const disk = changed('unchecked', () => {})
  const space = await findFreeSpace(disk)
  disk.bytes.fill(0, DESCRIPTORS + 32, DESCRIPTORS + 64)
  const ranges = await collect(space.ranges())
  assert.ok(ranges.length > 0)
  assert.ok(ranges.every(({ start, length }) => start + length <= 1025 * 1024))
})

test('reads that fail and aborted signals are not faults of the disk', async () => {
  const bytes = disks.get('unchecked')?.bytes ?? Buffer.alloc(0)
  const failure = new Error('EIO')
  const failing = { virtualSizeBytes: bytes.length, read: () => Promise.reject(failure) }
  await assert.rejects(findFreeSpace(failing), failure)
  const disk = new MemoryDisk(bytes)
  await assert.rejects(findFreeSpace(disk, { signal: AbortSignal.abort('no more') }), (error) => error === 'no more')
  const space = await findFreeSpace(disk)
  const ranges = space.ranges({ signal: AbortSignal.abort('no more') })
  await assert.rejects(ranges.next(), (error) => error === 'no more')
})

/** Makes the checksum of a descriptor right again. */
function sealDescriptor(bytes: Buffer, group: number): void {
  const descriptor = bytes.subarray(DESCRIPTORS + group * 64, DESCRIPTORS + (group + 1) * 64)
  descriptor.writeUInt16LE(0, 0x1e)
  const number = Buffer.from([group, 0, 0, 0])
  const seed = crc32c(bytes.subarray(SUPERBLOCK + 0x68, SUPERBLOCK + 0x78), 0xffffffff)
  descriptor.writeUInt16LE(crc32c(descriptor, crc32c(number, seed)) & 0xffff, 0x1e)
}
