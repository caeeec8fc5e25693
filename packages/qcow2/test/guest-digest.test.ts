import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { guestDigest } from '../src/guest-digest.ts'
import { writeLayer } from '../src/write-layer.ts'
import { memoryFile, qcow2Disk, rawDisk } from './memory-disk.ts'
import { changedDisk, randomDisk } from './random-disk.ts'

test('the guest digest is as documented', async () => {
  const disk = Buffer.alloc(3 * 65_536 + 512)
  disk.fill('second', 65_536, 2 * 65_536)
  disk.fill('tail', 3 * 65_536)
  const number = (value: number) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(BigInt(value))
    return bytes
  }
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()
  const text = Buffer.concat([
    ...[Buffer.from('SHOALGD1'), number(disk.length)],
    ...[number(1), sha256(disk.subarray(65_536, 2 * 65_536))],
    ...[number(3), sha256(disk.subarray(3 * 65_536))],
  ])
  assert.equal(await guestDigest(rawDisk(disk)), sha256(text).toString('hex'))
})

test('formats, layers and stored zeros make no difference to it, a changed byte and another size do', async () => {
  const baseBytes = randomDisk(3_000_320, 1)
  const flatBytes = changedDisk(baseBytes, 3_500_032, 2)
  const [base, middle] = [memoryFile(), memoryFile()]
  await writeLayer({ disk: rawDisk(baseBytes) }, base, { clusterBits: 16, compression: 'zstd', level: 3 })
  const content = { disk: rawDisk(flatBytes), base: rawDisk(baseBytes) }
  await writeLayer(content, middle, { clusterBits: 12, compression: 'zlib', level: 6 })
  const expected = await guestDigest(rawDisk(flatBytes))
  assert.equal(await guestDigest(await qcow2Disk(middle.bytes(), base.bytes())), expected)
  assert.notEqual(await guestDigest(rawDisk(Buffer.concat([flatBytes], flatBytes.length + 512))), expected)
  flatBytes.writeUInt8(flatBytes.readUInt8(1_000_000) ^ 1, 1_000_000)
  assert.notEqual(await guestDigest(rawDisk(flatBytes)), expected)
})
