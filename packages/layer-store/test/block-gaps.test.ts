import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bitfield } from '@shoal/core'
import { keptBlocks, widestGaps } from '../src/block-gaps.ts'

const BLOCKS = 2000

/** Every third block, and the last one. */
function everyThird(): Bitfield {
  const set = new Bitfield(BLOCKS)
  for (let block = 0; block < BLOCKS; block += 3) set.set(block)
  set.set(BLOCKS - 1)
  return set
}

function full(): Bitfield {
  const set = new Bitfield(BLOCKS)
  set.setAll()
  return set
}

test('gaps are those before the last present block, the widest first', () => {
  const present = new Bitfield(20)
  for (const block of [2, 3, 7, 9]) present.set(block)
  assert.deepEqual(widestGaps(present), [
    { firstBlock: 4, blocks: 3 },
    { firstBlock: 0, blocks: 2 },
    { firstBlock: 8, blocks: 1 },
  ])
  assert.deepEqual(widestGaps(present, [1, 8, 15]), [
    { firstBlock: 0, blocks: 2 },
    { firstBlock: 8, blocks: 1 },
  ])
  assert.deepEqual(widestGaps(new Bitfield(20)), [])
})

test('of more gaps than are freed in one go the smallest keep what is in them: what is present is what takes space', () => {
  const wanted = everyThird()
  for (let block = 300; block < 330; block += 1) wanted.clear(block)
  const kept = keptBlocks(full(), wanted)
  const gaps = widestGaps(kept)
  assert.equal(gaps.length, 256)
  assert.deepEqual(gaps[0], { firstBlock: 298, blocks: 32 })
  assert.equal(kept.count, BLOCKS - gaps.reduce((sum, { blocks }) => sum + blocks, 0))
  for (const block of wanted.ones()) assert.ok(kept.has(block))
})

test('what is not there does not stay, and blocks of another layer are refused', () => {
  const present = full()
  for (let block = 0; block < 100; block += 1) present.clear(block)
  const kept = keptBlocks(present, everyThird())
  assert.equal([...kept.ones()][0], 102)
  assert.throws(() => keptBlocks(present, new Bitfield(BLOCKS - 1)), RangeError)
})
