import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { REPLY_HEADROOM_BYTES, ReplyBuffers, slotBytes } from '../../src/transmission/reply-buffers.ts'

describe('ReplyBuffers', () => {
  test('a length takes the next power of two, from 4 KiB on', () => {
    for (const [length, slot] of [
      [1, 4096],
      [4096, 4096],
      [4097, 8192],
      [65_536, 65_536],
      [65_537, 131_072],
      [32 * 1024 * 1024, 32 * 1024 * 1024],
    ] as const) {
      assert.equal(slotBytes(length), slot)
    }
  })

  test('a buffer is used again for what fits it, and never for two at once', () => {
    const buffers = new ReplyBuffers({ idleBytes: 100_000 })
    const [one, two] = [buffers.acquire(5000), buffers.acquire(8192)]
    assert.notEqual(one, two)
    assert.equal(one.length, REPLY_HEADROOM_BYTES + 8192)
    buffers.release(one)
    assert.notEqual(buffers.acquire(100), one)
    assert.equal(buffers.acquire(8000), one)
    assert.equal(buffers.usedCount, 3)
  })

  test('no more is kept than allowed', () => {
    const buffers = new ReplyBuffers({ idleBytes: 8192 })
    const [one, two] = [buffers.acquire(8192), buffers.acquire(8192)]
    buffers.release(one)
    buffers.release(two)
    assert.equal(buffers.acquire(8192), one)
    assert.notEqual(buffers.acquire(8192), two)
  })
})

test('buffers of a size that is needed no more make way for those of another', () => {
  const buffers = new ReplyBuffers({ idleBytes: 1 << 20 })
  buffers.release(buffers.acquire(1 << 20))
  const small = Array.from({ length: 16 }, () => buffers.acquire(65_536))
  for (const buffer of small) buffers.release(buffer)
  const again = Array.from({ length: 16 }, () => buffers.acquire(65_536))
  assert.deepEqual(new Set(again), new Set(small))
})
