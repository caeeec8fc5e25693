import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BlockBuffer, BlockBuffers } from '@shoal/core'
import { BlockIntake } from '../../src/lane/block-intake.ts'

test('who waits for a buffer is served in the order of coming, the urgent first and from what is spared for others', () => {
  const buffers = new BlockBuffers({ count: 96 })
  const intake = new BlockIntake(buffers)
  const never = () => assert.fail('was not waiting')
  const taken: BlockBuffer[] = []
  for (let n = 0; n < 72; n += 1) taken.push(intake.acquire(false, never) ?? assert.fail())
  const served: string[] = []
  const wait = (name: string, isUrgent: boolean) => {
    const take = (buffer: BlockBuffer) => {
      served.push(name)
      taken.push(buffer)
    }
    assert.equal(intake.acquire(isUrgent, take), undefined)
    return take
  }
  wait('first', false)
  const gone = wait('gone', false)
  wait('second', false)
  // 24 are spare; 16 of these for what somebody waits for.
  for (let n = 0; n < 16; n += 1) taken.push(intake.acquire(true, never) ?? assert.fail())
  wait('urgent', true)
  intake.giveUp(gone)
  const release = (count: number) => {
    for (let n = 0; n < count; n += 1) taken.shift()?.release()
  }
  release(1)
  assert.deepEqual(served, ['urgent'])
  release(16)
  assert.deepEqual(served, ['urgent'])
  release(2)
  assert.deepEqual(served, ['urgent', 'first', 'second'])
  release(taken.length)
  assert.equal(buffers.usedCount, 0)
})
