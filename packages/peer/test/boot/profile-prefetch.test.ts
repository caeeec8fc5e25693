import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { Bitfield, type BootBlocks, type BootRun, type Digest, digestFromBytes, ManualClock } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import { prefetchProfile } from '../../src/boot/profile-prefetch.ts'

const BLOCK_BYTES = 131_072
const [BASE, MIDDLE] = ['base', 'middle'].map((name) =>
  digestFromBytes(createHash('sha256').update(name).digest()),
) as [Digest, Digest]

/** A node on which hinted blocks come when the test says so. */
function aNode({ layers = [BASE, MIDDLE], blocks = 1000, blockLengthBytes = BLOCK_BYTES } = {}) {
  const clock = new ManualClock()
  const stored = new Map<Digest, StoredLayer>()
  const add = (digest: Digest) => {
    const manifest = {
      digest,
      sizeBytes: blocks * blockLengthBytes,
      blockLengthBytes,
      pieceLengthBytes: blockLengthBytes,
    }
    stored.set(digest, { manifest, present: new Bitfield(blocks) } as unknown as StoredLayer)
  }
  for (const digest of layers) add(digest)
  /** Every block that was hinted, in order, again for each time. */
  const hinted: [Digest, number][] = []
  const source = {
    hint: (digest: Digest, firstBlock: number, count: number) => {
      for (let block = firstBlock; block < firstBlock + count; block += 1) hinted.push([digest, block])
    },
  }
  const abort = new AbortController()
  let isOver = false
  const node = {
    clock,
    stored,
    add,
    hinted,
    abort,
    get isOver() {
      return isOver
    },
    has: (digest: Digest, ...list: number[]) => {
      for (const block of list) stored.get(digest)?.present.set(block)
    },
    start(runs: readonly (readonly [Digest, number, number])[], only?: readonly Digest[]) {
      const options = { signal: abort.signal, ...(only === undefined ? {} : { layers: new Set(only) }) }
      const store = { get: (digest: Digest) => stored.get(digest) }
      const done = prefetchProfile(bootBlocks(runs), { source, store, clock }, options)
      done.then(
        () => {
          isOver = true
        },
        () => {},
      )
      return done
    },
    /** Lets it look again, and go on from there. */
    async tick(deltaMs = 50) {
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      clock.advance(deltaMs)
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    },
  }
  return node
}

function bootBlocks(runs: readonly (readonly [Digest, number, number])[]): BootBlocks {
  const layers = [BASE, MIDDLE].map((digest) => ({ digest, blockLengthBytes: BLOCK_BYTES, blocks: 1000 }))
  const all = runs.map(([digest, firstBlock, blocks]): BootRun => ({ digest, firstBlock, blocks, score: 1 }))
  return { revision: 1, recordings: 1, createdAt: 0, layers, runs: all }
}

describe('prefetch by a boot profile', () => {
  test('hints the blocks that are not there, in the order of the profile, and is over when they are', async () => {
    const node = aNode()
    node.has(BASE, 8)
    const done = node.start([
      [BASE, 7, 3],
      [MIDDLE, 0, 2],
      [BASE, 1, 1],
    ])
    await node.tick()
    assert.deepEqual(node.hinted, [
      [BASE, 7],
      [BASE, 9],
      [MIDDLE, 0],
      [MIDDLE, 1],
      [BASE, 1],
    ])
    node.has(BASE, 7, 9, 1)
    node.has(MIDDLE, 0)
    await node.tick()
    assert.equal(node.isOver, false)
    node.has(MIDDLE, 1)
    await node.tick()
    await done
    assert.equal(node.hinted.length, 5)
  })

  test('is over at once when all is there', async () => {
    const node = aNode()
    node.has(BASE, 7, 8)
    await node.start([[BASE, 7, 2]])
    assert.deepEqual(node.hinted, [])
  })

  test('has no more than a window under way, and goes on as blocks come', async () => {
    const node = aNode()
    node
      .start([
        [BASE, 0, 300],
        [MIDDLE, 0, 10],
      ])
      .catch(() => {})
    await node.tick()
    assert.equal(node.hinted.length, 128)
    node.has(BASE, ...Array.from({ length: 20 }, (_, block) => block))
    await node.tick()
    // A portion of 16 has room in the place of those 20, and no second one.
    assert.deepEqual([node.hinted.length, node.hinted.at(-1)], [144, [BASE, 143]])
    node.has(BASE, ...Array.from({ length: 144 }, (_, block) => block))
    await node.tick()
    assert.deepEqual([node.hinted.length, node.hinted.at(-1)], [272, [BASE, 271]])
    node.abort.abort()
  })

  test('is over with its signal', async () => {
    const node = aNode()
    const done = node.start([
      [BASE, 0, 200],
      [BASE, 300, 200],
    ])
    await node.tick()
    node.abort.abort(new Error('released'))
    await assert.rejects(done, { message: 'released' })
    const { length } = node.hinted
    node.has(BASE, ...Array.from({ length: 500 }, (_, block) => block))
    await node.tick()
    assert.equal(node.hinted.length, length)
  })

  test('gives hints again that brought nothing, and only those', async () => {
    const node = aNode()
    node.start([[BASE, 0, 4]]).catch(() => {})
    await node.tick(1000)
    node.has(BASE, 1)
    await node.tick(1950)
    assert.equal(node.hinted.length, 4)
    await node.tick(50)
    await node.tick(2000)
    assert.deepEqual(node.hinted.slice(4), [
      [BASE, 0],
      [BASE, 2],
      [BASE, 3],
    ])
    node.abort.abort()
  })

  test('waits for a layer that is not here yet', async () => {
    const node = aNode({ layers: [BASE] })
    const done = node.start([
      [MIDDLE, 3, 1],
      [BASE, 0, 1],
    ])
    await node.tick(500)
    assert.deepEqual(node.hinted, [])
    node.add(MIDDLE)
    await node.tick(500)
    assert.deepEqual(node.hinted, [
      [MIDDLE, 3],
      [BASE, 0],
    ])
    node.has(MIDDLE, 3)
    node.has(BASE, 0)
    await node.tick()
    await done
  })

  test('takes the layers that are wanted and no others', async () => {
    const node = aNode({ layers: [BASE] })
    const runs = [
      [MIDDLE, 3, 1],
      [BASE, 0, 1],
    ] as const
    node.start(runs, [BASE]).catch(() => {})
    await node.tick()
    assert.deepEqual(node.hinted, [[BASE, 0]])
    node.abort.abort()
  })

  test('finds the same bytes when the layer is cut in another way here', async () => {
    const large = aNode({ layers: [BASE], blocks: 3, blockLengthBytes: 4 * BLOCK_BYTES })
    large.start([[BASE, 3, 2]]).catch(() => {})
    await large.tick()
    assert.deepEqual(large.hinted, [
      [BASE, 0],
      [BASE, 1],
    ])
    const small = aNode({ layers: [BASE], blocks: 9, blockLengthBytes: BLOCK_BYTES / 2 })
    // One that ends before the profile says so has no blocks there.
    small
      .start([
        [BASE, 1, 1],
        [BASE, 4, 900],
      ])
      .catch(() => {})
    await small.tick()
    assert.deepEqual(small.hinted, [
      [BASE, 2],
      [BASE, 3],
      [BASE, 8],
    ])
    for (const node of [large, small]) node.abort.abort()
  })

  test('is over when the layer that it waits for was removed', async () => {
    const node = aNode({ layers: [BASE] })
    const done = node.start([[BASE, 0, 4]])
    await node.tick()
    node.stored.delete(BASE)
    await node.tick(2000)
    await node.tick(2000)
    await done
    assert.equal(node.hinted.length, 4)
  })
})
