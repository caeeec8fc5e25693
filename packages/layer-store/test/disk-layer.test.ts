import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { Bitfield, BlockBuffers, blockCount, ManualClock, silentLogger } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { DiskLayer } from '../src/disk-layer.ts'
import { storeError } from '../src/errors.ts'
import type { LayerFile } from '../src/layer-file.ts'
import { readPresence } from '../src/presence-record.ts'
import { blockSet, firstBlocks, layerFixture } from './layer-fixture.ts'

const fixture = layerFixture()
const { digest } = fixture.manifest
const BLOCK = 4096

describe('DiskLayer', () => {
  test('records blocks only after their data was synced', async () => {
    const { layer, events, recorded } = setUp()
    await layer.writeBlocks(0, fixture.block(0, 3))
    assert.deepEqual(await recorded(), [])
    assert.equal(layer.durableBlocks, 0)
    await layer.flush()
    assert.deepEqual(events, ['write 0', 'write 1', 'write 2', 'sync', 'batch'])
    assert.deepEqual(await recorded(), [0, 1, 2])
  })

  test('present blocks are not written again', async () => {
    const { layer, events } = setUp()
    await layer.writeBlocks(3, fixture.block(3))
    await layer.writeBlocks(1, fixture.block(1, 6))
    assert.deepEqual(events, ['write 3', 'write 1', 'write 2', 'write 4', 'write 5'])
  })

  test('flushes by itself after durableMs', async () => {
    const { layer, clock, events, recorded } = setUp()
    await layer.writeBlocks(0, fixture.block(0))
    clock.advance(499)
    await layer.writeBlocks(1, fixture.block(1))
    assert.equal(events.includes('sync'), false)
    clock.advance(1)
    await recordedOnce(layer, 2)
    assert.deepEqual(await recorded(), [0, 1])
  })

  test('flushes by itself after durableBytes', async () => {
    const { layer, recorded } = setUp({ durableBytes: 2 * BLOCK })
    await layer.writeBlocks(0, fixture.block(0, 2))
    await recordedOnce(layer, 2)
    assert.deepEqual(await recorded(), [0, 1])
  })

  test('a failed write is coded, counts for nothing and may be tried again', async () => {
    for (const [code, expected] of [
      ['EIO', 'SHOAL_STORE_IO'],
      ['ENOSPC', 'SHOAL_STORE_NO_SPACE'],
      ['EDQUOT', 'SHOAL_STORE_NO_SPACE'],
    ] as const) {
      const { layer, faults } = setUp()
      faults.write = code
      await assert.rejects(() => layer.writeBlocks(0, fixture.content), { code: expected })
      assert.equal(layer.present.count, 0)
      faults.write = undefined
      await layer.writeBlocks(0, fixture.content)
      assert.equal(layer.isComplete, true)
    }
  })

  test('after a failed sync whatever was not durable is absent, because its pages may be lost', async () => {
    const { layer, faults, recorded } = setUp()
    await layer.writeBlocks(0, fixture.block(0, 2))
    await layer.flush()
    await layer.writeBlocks(2, fixture.block(2, 5))
    faults.sync = 'EIO'
    await assert.rejects(() => layer.flush(), { code: 'SHOAL_STORE_IO' })
    faults.sync = undefined
    assert.deepEqual([...layer.present.ones()], [0, 1])
    assert.equal(layer.presentBytes, 2 * BLOCK)
    await layer.writeBlocks(2, fixture.block(2, 4))
    await layer.flush()
    assert.deepEqual(await recorded(), [0, 1, 2, 3])
  })

  test('when recording fails the blocks stay present and are recorded with the next flush', async () => {
    const { layer, faults, clock, recorded } = setUp()
    await layer.writeBlocks(0, fixture.block(0, 2))
    faults.batch = 'ENOSPC'
    await assert.rejects(() => layer.flush(), { code: 'SHOAL_STORE_NO_SPACE' })
    assert.equal(layer.durableBlocks, 0)
    assert.deepEqual(await layer.read(0, BLOCK), fixture.block(0))
    faults.batch = undefined
    clock.advance(500)
    await recordedOnce(layer, 2)
    assert.deepEqual(await recorded(), [0, 1])
  })

  test('writers wait for a flush once too much is not durable, and fail with its error', async () => {
    const { layer, faults } = setUp({ durableBytes: BLOCK })
    faults.batch = 'EIO'
    await layer.writeBlocks(0, fixture.block(0, 2))
    await assert.rejects(() => layer.writeBlocks(4, fixture.block(4)), { code: 'SHOAL_STORE_IO' })
    assert.equal(layer.present.count, 2)
    faults.batch = undefined
    await layer.writeBlocks(4, fixture.block(4))
    assert.equal(layer.durableBlocks, 2)
  })

  test('a short read is an I/O error', async () => {
    const { layer, faults } = setUp()
    await layer.writeBlocks(0, fixture.block(0))
    faults.read = 'SHORT'
    await assert.rejects(() => layer.read(0, BLOCK), { code: 'SHOAL_STORE_IO' })
    faults.read = 'EIO'
    await assert.rejects(() => layer.read(0, BLOCK), { code: 'SHOAL_STORE_IO' })
  })

  test('what is written while a vanished file is made anew does not count in the new one', async () => {
    const { layer, recorded, replacing } = setUp()
    await layer.writeBlocks(0, fixture.block(0, 2))
    // The path of the test's file does not exist: verify finds it gone.
    const verified = layer.verify()
    await replacing.begun
    await layer.writeBlocks(4, fixture.block(4))
    assert.deepEqual([...layer.present.ones()], [4])
    replacing.finish()
    await verified
    assert.deepEqual([...layer.present.ones()], [])
    assert.equal(layer.presentBytes, 0)
    await layer.flush()
    assert.deepEqual(await recorded(), [])
  })

  test('a verify that looked at the file before another took its place drops nothing of the new one', async () => {
    const { layer, file, replacing } = setUp()
    await layer.writeBlocks(0, fixture.block(0, 2))
    const verified = layer.verify()
    const stop = new Error('enough')
    const again = layer.verify({ signal: AbortSignal.abort(stop) })
    await assert.rejects(again, stop)
    await layer.replace(async () => ({ ...file, inode: '2' }))
    replacing.finish()
    // It looks again, at a file that is missing as well: only now the blocks go.
    const { checkedBlocks } = await verified
    assert.equal(checkedBlocks, blockCount(fixture.manifest))
  })

  test('a block that just arrived is given without a read, others are read once for all who ask', async () => {
    const { layer, events, reads, give } = setUp()
    await give(3)
    const kept = await layer.readBlock(3)
    kept.release()
    assert.deepEqual(await layer.read(3 * BLOCK + 5, 10), fixture.block(3).subarray(5, 15))
    assert.deepEqual(reads(), [])
    await layer.writeBlocks(5, fixture.block(5, 7))
    const both = await Promise.all([layer.readBlock(5), layer.readBlock(5), layer.readBlock(6)])
    for (const buffer of both) buffer.release()
    assert.deepEqual(reads(), ['read 5', 'read 6'])
    assert.deepEqual(events.slice(0, 1), ['write 3'])
  })

  test('blocks that are lost are not given from memory either, not even after they came again', async () => {
    const { layer, faults, give, content } = setUp()
    await give(1)
    await layer.writeBlocks(0, fixture.block(0))
    content.fill(0xbb, 0, BLOCK)
    const rotten = await layer.readBlock(0)
    rotten.release()
    faults.sync = 'EIO'
    await assert.rejects(() => layer.flush())
    await assert.rejects(async () => layer.readBlock(1), { code: 'SHOAL_STORE_BLOCK_ABSENT' })
    await layer.writeBlocks(0, fixture.block(0))
    const sound = await layer.readBlock(0)
    assert.deepEqual(sound.payload(BLOCK), fixture.block(0))
    sound.release()
    assert.equal(layer.buffers.usedCount, 0)
  })

  test('what was read while blocks were lost is read again', async () => {
    const { layer, faults, reads, content } = setUp()
    await layer.writeBlocks(0, fixture.block(0, 2))
    const reading = Promise.withResolvers<void>()
    faults.afterRead = () => reading.promise
    content.fill(0xbb, 0, BLOCK)
    const [block, bytes] = [layer.readBlock(0), layer.read(BLOCK, 10)]
    faults.sync = 'EIO'
    await assert.rejects(() => layer.flush())
    faults.sync = undefined
    await layer.writeBlocks(0, fixture.block(0))
    reading.resolve()
    const buffer = await block
    assert.deepEqual(buffer.payload(BLOCK), fixture.block(0))
    buffer.release()
    assert.deepEqual(reads(), ['read 0', 'read 0'])
    await assert.rejects(bytes, { code: 'SHOAL_STORE_BLOCK_ABSENT' })
  })

  test('a failed read of a block is coded, for each who asked, and keeps no buffer', async () => {
    const { layer, faults } = setUp()
    await layer.writeBlocks(0, fixture.block(0))
    for (const fault of ['SHORT', 'EIO']) {
      faults.read = fault
      const results = await Promise.allSettled([layer.readBlock(0), layer.readBlock(0)])
      for (const result of results) {
        assert.equal(result.status === 'rejected' && result.reason.code, 'SHOAL_STORE_IO')
      }
    }
    assert.equal(layer.buffers.usedCount, 0)
    faults.read = undefined
    const buffer = await layer.readBlock(0)
    assert.deepEqual(buffer.payload(BLOCK), fixture.block(0))
  })

  test('of what goes it is recorded first that blocks are absent, and their space is freed then', async () => {
    const { layer, events, recorded } = setUp()
    await layer.writeBlocks(0, fixture.block(0, 5))
    await layer.flush()
    events.length = 0
    await layer.keep(firstBlocks(layer, 2))
    assert.deepEqual(events, ['sync', 'batch', 'free 2'])
    assert.deepEqual(await recorded(), [0, 1])
  })

  test('what cannot be recorded as gone is not freed, and is the next time', async () => {
    const { layer, faults, events, recorded } = setUp()
    await layer.writeBlocks(0, fixture.block(0, 5))
    await layer.flush()
    for (const [fault, code] of [
      ['sync', 'EIO'],
      ['batch', 'ENOSPC'],
    ] as const) {
      faults[fault] = code
      await assert.rejects(() => layer.keep(firstBlocks(layer, 2)), {
        code: code === 'EIO' ? 'SHOAL_STORE_IO' : 'SHOAL_STORE_NO_SPACE',
      })
      faults[fault] = undefined
      assert.deepEqual([...layer.present.ones()], [0, 1])
      assert.deepEqual(await recorded(), [0, 1, 2, 3, 4])
    }
    assert.equal(events.includes('free 2'), false)
    await layer.keep(firstBlocks(layer, 2))
    assert.equal(events.at(-1), 'free 2')
    assert.deepEqual(await recorded(), [0, 1])
  })

  test('gaps that something was in are punched, the widest first, and behind the last one that stays all is freed', async () => {
    const { layer, events, recorded, content } = setUp()
    await layer.writeBlocks(1, fixture.block(1, 9))
    await layer.flush()
    events.length = 0
    await layer.keep(blockSet(layer, [1, 3, 6]))
    assert.deepEqual(events, ['sync', 'batch', 'punch 2 at 4', 'punch 1 at 2', 'free 7'])
    assert.deepEqual(await recorded(), [1, 3, 6])
    for (const block of [1, 3, 6]) assert.deepEqual(await layer.read(block * BLOCK, BLOCK), fixture.block(block))
    assert.deepEqual(content.subarray(4 * BLOCK, 6 * BLOCK), Buffer.alloc(2 * BLOCK))
    events.length = 0
    await layer.keep(blockSet(layer, [1, 6]))
    assert.deepEqual(events, ['sync', 'batch', 'punch 4 at 2', 'free 7'])
  })

  test('where holes cannot be punched that is a coded error, and the blocks are absent', async () => {
    const { layer, faults, recorded } = setUp()
    await layer.writeBlocks(0, fixture.block(0, 5))
    faults.punch = 'EOPNOTSUPP'
    await assert.rejects(() => layer.keep(blockSet(layer, [0, 4])), { code: 'SHOAL_STORE_NO_HOLES' })
    assert.deepEqual(await recorded(), [0, 4])
  })

  test('space that cannot be freed is a coded error; the blocks are absent all the same', async () => {
    const { layer, faults, recorded } = setUp()
    await layer.writeBlocks(0, fixture.block(0, 5))
    faults.free = 'EIO'
    await assert.rejects(() => layer.keep(firstBlocks(layer, 2)), { code: 'SHOAL_STORE_IO' })
    assert.deepEqual(await recorded(), [0, 1])
    assert.deepEqual([...layer.present.ones()], [0, 1])
    faults.free = undefined
    await layer.writeBlocks(2, fixture.block(2, 5))
    assert.deepEqual(await layer.read(0, 5 * BLOCK), fixture.block(0, 5))
  })

  test('a write that is under way when the rest of a layer goes is done once more', async () => {
    const { layer, faults, events, content, give } = setUp()
    const [written, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    faults.afterWrite = () => {
      written.resolve()
      return go.promise
    }
    const writes = [give(4), layer.writeBlocks(6, fixture.block(6))]
    await written.promise
    await layer.keep(firstBlocks(layer, 2))
    assert.deepEqual(content.subarray(4 * BLOCK, 5 * BLOCK), Buffer.alloc(BLOCK))
    assert.equal(layer.present.count, 0)
    go.resolve()
    await Promise.all(writes)
    assert.deepEqual([...layer.present.ones()], [4, 6])
    for (const block of [4, 6]) {
      assert.deepEqual(content.subarray(block * BLOCK, (block + 1) * BLOCK), fixture.block(block))
    }
    assert.deepEqual(
      events.filter((event) => event.startsWith('write')),
      ['write 4', 'write 6', 'write 4', 'write 6'],
    )
    assert.equal(layer.buffers.usedCount, 0)
  })

  test('writes wait while space is freed, and go on when that fails', async () => {
    const { layer, faults, events } = setUp()
    const [freed, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    faults.afterFree = () => {
      freed.resolve()
      return go.promise
    }
    faults.free = 'EIO'
    const kept = assert.rejects(() => layer.keep(firstBlocks(layer, 0)), { code: 'SHOAL_STORE_IO' })
    await freed.promise
    const write = layer.writeBlocks(3, fixture.block(3))
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(events.includes('write 3'), false)
    go.resolve()
    await Promise.all([kept, write])
    assert.deepEqual([...layer.present.ones()], [3])
  })

  test('close flushes what is left', async () => {
    const { layer, recorded } = setUp()
    await layer.writeBlocks(0, fixture.content)
    await layer.close()
    assert.equal((await recorded()).length, blockCount(fixture.manifest))
  })
})

type After = 'afterRead' | 'afterWrite' | 'afterFree'

/** A layer over a file in memory whose calls are noted and fail when told to. */
function setUp({ durableBytes = 1 << 20 } = {}) {
  const events: string[] = []
  type Code = string | undefined
  const faults: Record<'write' | 'sync' | 'batch' | 'read' | 'free' | 'punch', Code> &
    Record<After, () => Promise<void>> = {
    write: undefined,
    sync: undefined,
    batch: undefined,
    read: undefined,
    free: undefined,
    punch: undefined,
    afterRead: async () => {},
    afterWrite: async () => {},
    afterFree: async () => {},
  }
  const content = Buffer.alloc(fixture.content.length)
  const fail = (code: string | undefined) => {
    if (code !== undefined) throw Object.assign(new Error(`${code}: injected`), { code })
  }
  const file: LayerFile = {
    inode: '1',
    sizeBytes: content.length,
    read: async (position, length) => {
      // Like a disk, it has read before the caller learns of it.
      const data = Buffer.from(content.subarray(position, position + length))
      await faults.afterRead()
      if (faults.read === 'SHORT') return Buffer.alloc(length - 1)
      fail(faults.read)
      return data
    },
    readBlocks: async (position, payloads) => {
      events.push(`read ${position / BLOCK}`)
      const length = payloads.reduce((sum, { length }) => sum + length, 0)
      const data = await file.read(position, length)
      let at = 0
      for (const payload of payloads) at += data.copy(payload, 0, at)
      return data.length
    },
    readCachedBlock: () => 0,
    writeBlock: async (position, buffer, { length, hash }) => {
      const data = buffer.payload(length)
      if (!createHash('sha256').update(data).digest().equals(hash)) return false
      fail(faults.write)
      events.push(`write ${position / BLOCK}`)
      content.set(data, position)
      await faults.afterWrite()
      return true
    },
    sync: async () => {
      fail(faults.sync)
      events.push('sync')
    },
    punch: async (holes) => {
      if (faults.punch !== undefined) throw storeError('SHOAL_STORE_NO_HOLES', { path: 'disk', reason: faults.punch })
      for (const { position, length } of holes) {
        events.push(`punch ${length / BLOCK} at ${position / BLOCK}`)
        content.fill(0, position, position + length)
      }
    },
    freeFrom: async (position) => {
      events.push(`free ${position / BLOCK}`)
      content.fill(0, position)
      await faults.afterFree()
      fail(faults.free)
    },
    close: async () => {},
  }
  const memory = createMemoryState()
  const state: StateStore = Object.assign(Object.create(memory), {
    batch: async (...args: Parameters<StateStore['batch']>) => {
      fail(faults.batch)
      events.push('batch')
      return memory.batch(...args)
    },
    close: () => memory.close(),
  })
  const clock = new ManualClock()
  const present = new Bitfield(blockCount(fixture.manifest))
  const begun = Promise.withResolvers<void>()
  const finished = Promise.withResolvers<void>()
  const replaceFile = async () => {
    begun.resolve()
    await finished.promise
    return file
  }
  const replacing = { begun: begun.promise, finish: () => finished.resolve() }
  const layer = new DiskLayer(
    { state, clock, file, buffers: new BlockBuffers({ count: 4 }), logger: silentLogger, replaceFile },
    fixture,
    {
      path: 'disk',
      durableBytes,
      durableMs: 500,
      present,
    },
  )
  const recorded = async () => [...(await readPresence(memory, digest, present.length)).ones()]
  const reads = () => events.filter((event) => event.startsWith('read'))
  /** Writes a block as the swarm does. */
  const give = async (block: number) => {
    const buffer = await layer.buffers.acquireWhenFree()
    buffer.payload(BLOCK).set(fixture.block(block))
    await layer.writeBlock(block, buffer)
    buffer.release()
  }
  return { layer, file, content, events, faults, clock, recorded, replacing, reads, give }
}

/** Turns the event loop until the background flush has made so many blocks durable. */
async function recordedOnce(layer: DiskLayer, blocks: number): Promise<void> {
  for (let turn = 0; turn < 1000 && layer.durableBlocks < blocks; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(layer.durableBlocks, blocks)
}
