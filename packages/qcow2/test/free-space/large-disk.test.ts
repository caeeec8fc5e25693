import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findFreeSpace } from '../../src/free-space/free-space.ts'

const BLOCK_BYTES = 4096
const GROUP_BLOCKS = 32768
const GROUPS = 65536
const SIZE_BYTES = GROUPS * GROUP_BLOCKS * BLOCK_BYTES
/** The start of each group is used, so that the copies of superblock and descriptors are wherever they may be. */
const USED_BLOCKS = 2048
const FREE_BLOCKS = (GROUP_BLOCKS - USED_BLOCKS) / 2
const BITMAP = 1000
const GROUP_INODES = 32

/**
 * A disk of 8 TiB in which every second block is free: its groups share one bitmap, so that it is made as it is read.
 */
function makeDisk() {
  const start = Buffer.alloc(USED_BLOCKS * BLOCK_BYTES)
  const superblock = start.subarray(1024)
  superblock.writeUInt32LE(GROUP_INODES * GROUPS, 0x0)
  superblock.writeUInt32LE(GROUP_BLOCKS * GROUPS, 0x4)
  superblock.writeUInt32LE(2, 0x18)
  superblock.writeUInt32LE(2, 0x1c)
  superblock.writeUInt32LE(GROUP_BLOCKS, 0x20)
  superblock.writeUInt32LE(GROUP_INODES, 0x28)
  superblock.writeUInt16LE(0xef53, 0x38)
  superblock.writeUInt16LE(1, 0x3a)
  superblock.writeUInt32LE(1, 0x4c)
  superblock.writeUInt16LE(128, 0x58)
  superblock.writeUInt32LE(0x200, 0x60)
  superblock.writeUInt32LE(1, 0x64)
  for (let group = 0; group < GROUPS; group += 1) {
    const at = BLOCK_BYTES + group * 32
    for (const [index, block] of [BITMAP, BITMAP + 1, BITMAP + 2].entries()) start.writeUInt32LE(block, at + index * 4)
    start.writeUInt16LE(FREE_BLOCKS, at + 0xc)
  }
  start.fill(0xff, BITMAP * BLOCK_BYTES, BITMAP * BLOCK_BYTES + USED_BLOCKS / 8)
  start.fill(0x55, BITMAP * BLOCK_BYTES + USED_BLOCKS / 8, (BITMAP + 1) * BLOCK_BYTES)
  return start
}

test('a disk of 8 TiB with a billion free ranges takes little memory, and its first ranges little time', async () => {
  const start = makeDisk()
  let readBytes = 0
  const disk = {
    virtualSizeBytes: SIZE_BYTES,
    read: async (offset: number, length: number) => {
      readBytes += length
      const data = Buffer.alloc(length)
      start.copy(data, 0, Math.min(offset, start.length), Math.min(offset + length, start.length))
      return data
    },
  }
  const space = await findFreeSpace(disk)
  const freeBytes = GROUPS * FREE_BLOCKS * BLOCK_BYTES
  assert.deepEqual(space.partitions, [{ start: 0, length: SIZE_BYTES, fileSystem: 'ext4', freeBytes, reason: null }])
  assert.ok(readBytes < 8 * 1024 * 1024, `${readBytes} bytes were read`)
  readBytes = 0
  let count = 0
  for await (const range of space.ranges()) {
    assert.deepEqual(range, { start: (USED_BLOCKS + 1 + 2 * count) * BLOCK_BYTES, length: BLOCK_BYTES })
    count += 1
    if (count === 10_000) break
  }
  assert.ok(readBytes < 1024 * 1024, `${readBytes} bytes were read for the first ranges`)
  assert.ok(process.memoryUsage().rss < 400 * 1024 * 1024)
})
