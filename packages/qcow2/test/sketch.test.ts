import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@shoal/core'
import { Sketch } from '../src/sketch.ts'
import { rawDisk } from './memory-disk.ts'
import { randomDisk } from './random-disk.ts'

const MIB = 1024 * 1024

/** A disk in which a share of the 64 KiB chunks is somebody else's. */
function partlyForeign(disk: Buffer, share: number, seed: number): Buffer {
  const random = seededRandom(seed)
  const other = randomDisk(disk.length, seed + 1)
  const mixed = Buffer.from(disk)
  for (let at = 0; at < disk.length; at += 65_536) if (random() < share) other.copy(mixed, at, at, at + 65_536)
  return mixed
}

test('the sketch of a disk tells how much of it a base has', async () => {
  const base = randomDisk(128 * MIB, 1)
  const sketch = await Sketch.of(rawDisk(base))
  assert.ok(sketch.size > 300, `${sketch.size} blocks`)
  for (const share of [0, 0.2, 0.5, 0.9]) {
    const disk = await Sketch.of(rawDisk(partlyForeign(base, share, 7)))
    const estimate = disk.sharedWith(sketch)
    assert.ok(Math.abs(estimate - (1 - share)) < 0.15, `${estimate} of ${1 - share}`)
  }
})

test('of several bases the right one stands out, also when the disk has grown', async () => {
  const bases = await Promise.all([1, 2, 3].map((seed) => Sketch.of(rawDisk(randomDisk(32 * MIB, seed)))))
  const grown = Buffer.concat([partlyForeign(randomDisk(32 * MIB, 2), 0.3, 9), randomDisk(16 * MIB, 50)])
  const disk = await Sketch.of(rawDisk(grown))
  const shares = bases.map((base) => disk.sharedWith(base))
  assert.equal(shares.indexOf(Math.max(...shares)), 1)
  assert.ok((shares[0] ?? 1) < 0.05)
})

test('a sketch survives being written down', async () => {
  const sketch = await Sketch.of(rawDisk(randomDisk(32 * MIB, 4)))
  const read = Sketch.decode(sketch.encode())
  assert.equal(read.size, sketch.size)
  assert.equal(read.sharedWith(sketch), 1)
})

test('an empty disk shares nothing', async () => {
  const sketch = await Sketch.of(rawDisk(Buffer.alloc(32 * MIB)))
  assert.equal(sketch.size, 0)
  assert.equal(sketch.sharedWith(sketch), 0)
})
