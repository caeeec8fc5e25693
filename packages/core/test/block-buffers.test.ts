import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BLOCK_HEADROOM_BYTES, type BlockBuffer, BlockBuffers, MAX_BLOCK_BYTES } from '@shoal/core'
import fc from 'fast-check'

describe('BlockBuffers', () => {
  test('gives each buffer to one user, memory of its own with room in front of the payload', () => {
    const buffers = new BlockBuffers({ count: 2 })
    const [one, two] = [take(buffers), take(buffers)]
    assert.equal(buffers.acquire(), undefined)
    assert.equal(buffers.usedCount, 2)
    one.bytes.fill(1)
    two.bytes.fill(2)
    assert.ok(one.bytes.every((byte) => byte === 1))
    assert.equal(one.payload(MAX_BLOCK_BYTES).length, MAX_BLOCK_BYTES)
    assert.equal(one.payload(10).byteOffset - one.bytes.byteOffset, BLOCK_HEADROOM_BYTES)
    assert.equal(two.payload(1).buffer, buffers.memory)
  })

  test('none at all is a TypeError', () => {
    assert.throws(() => new BlockBuffers({ count: 0 }), TypeError)
  })

  test('a buffer is free after its last user released it, and once more is a TypeError', () => {
    const buffers = new BlockBuffers({ count: 1 })
    const buffer = take(buffers)
    buffer.retain()
    buffer.release()
    assert.equal(buffers.acquire(), undefined)
    buffer.release()
    assert.equal(buffers.usedCount, 0)
    assert.throws(() => buffer.release(), TypeError)
  })

  test('spare buffers are left to others', () => {
    const buffers = new BlockBuffers({ count: 3 })
    assert.ok(buffers.acquire({ spare: 2 }))
    assert.equal(buffers.acquire({ spare: 2 }), undefined)
    assert.ok(buffers.acquire({ spare: 1 }))
    assert.ok(buffers.acquire())
  })

  test('a kept block is found while in use and after, until its buffer is needed for another', () => {
    const buffers = new BlockBuffers({ count: 1 })
    const owner = buffers.newOwner()
    const buffer = take(buffers)
    buffers.keep(buffer, owner, 7, 100)
    assert.equal(buffers.find(owner, 7), buffer)
    buffer.release()
    buffer.release()
    assert.equal(buffers.find(owner, 7), buffer)
    assert.equal(buffers.acquire(), undefined)
    assert.equal(buffers.find(owner, 8), undefined)
    assert.equal(buffers.find(buffers.newOwner(), 7), undefined)
    buffer.release()
    assert.equal(take(buffers).label, undefined)
    assert.equal(buffers.find(owner, 7), undefined)
  })

  test('buffers without a block are reused first, then the one whose block was used longest ago', () => {
    const buffers = new BlockBuffers({ count: 4 })
    const owner = buffers.newOwner()
    const all = [0, 1, 2, 3].map(() => take(buffers))
    for (const [block, buffer] of all.entries()) {
      if (block !== 2) buffers.keep(buffer, owner, block, 1)
      buffer.release()
    }
    buffers.find(owner, 0)?.release()
    assert.deepEqual(
      [0, 1, 2, 3].map(() => all.indexOf(take(buffers))),
      [2, 1, 3, 0],
    )
  })

  test('a block that is dropped, or kept in another buffer, is not found in the old one', () => {
    const buffers = new BlockBuffers({ count: 3 })
    const [mine, others] = [buffers.newOwner(), buffers.newOwner()]
    const [old, fresh, foreign] = [take(buffers), take(buffers), take(buffers)]
    buffers.keep(old, mine, 1, 5)
    buffers.keep(fresh, mine, 1, 5)
    assert.equal(buffers.find(mine, 1), fresh)
    assert.equal(old.label, undefined)
    buffers.keep(old, mine, 2, 5)
    buffers.keep(foreign, others, 1, 5)
    buffers.drop(mine, 1)
    assert.equal(buffers.find(mine, 1), undefined)
    buffers.dropAll(mine)
    assert.equal(buffers.find(mine, 2), undefined)
    assert.equal(buffers.find(others, 1), foreign)
  })

  test('whoever waits for a buffer gets one, in the order of asking', async () => {
    const buffers = new BlockBuffers({ count: 1 })
    const first = take(buffers)
    const order: string[] = []
    const waiting = ['b', 'c', 'd'].map(async (name) => {
      const buffer = await buffers.acquireWhenFree()
      order.push(name)
      buffer.release()
    })
    first.release()
    await Promise.all(waiting)
    assert.deepEqual(order, ['b', 'c', 'd'])
    assert.equal(buffers.usedCount, 0)
  })

  test('whatever is done, what is found was kept under that name and no buffer has two unrelated users', () => {
    const block = fc.integer({ min: 0, max: 3 })
    const step = fc.oneof(
      fc.record({ what: fc.constantFrom('receive' as const, 'find' as const, 'drop' as const), block }),
      fc.record({ what: fc.constant('release' as const), block: fc.nat({ max: 7 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const buffers = new BlockBuffers({ count: 3 })
        const owner = buffers.newOwner()
        const inUse: BlockBuffer[] = []
        const known = new Set<number>()
        for (const { what, block: number } of steps) {
          if (what === 'receive') {
            const buffer = buffers.acquire()
            assert.equal(buffer === undefined, new Set(inUse).size === 3)
            if (buffer === undefined) continue
            assert.ok(!inUse.includes(buffer))
            buffer.payload(1)[0] = number
            buffers.keep(buffer, owner, number, 1)
            known.add(number)
            inUse.push(buffer)
          } else if (what === 'find') {
            const buffer = buffers.find(owner, number)
            if (buffer === undefined) continue
            assert.ok(known.has(number))
            assert.equal(buffer.payload(1)[0], number)
            inUse.push(buffer)
          } else if (what === 'drop') {
            buffers.drop(owner, number)
            known.delete(number)
          } else inUse.splice(number, 1)[0]?.release()
          assert.equal(buffers.usedCount, new Set(inUse).size)
        }
      }),
    )
  })
})

function take(buffers: BlockBuffers): BlockBuffer {
  const buffer = buffers.acquire()
  assert.ok(buffer)
  return buffer
}
