import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DesiredAssignment } from '@shoal/api'
import { Bitfield, type BootBlocks, type Digest, ManualClock, ShoalError, silentLogger } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import { ProfilePrefetches } from '../../src/boot/profile-prefetches.ts'

const BLOCK_BYTES = 131_072
const digestOf = (number: number): Digest => `sha256:${String(number).padStart(64, '0')}`
const [BASE, MIDDLE] = [digestOf(1), digestOf(2)]

/**
 * A node that holds layers 1 to 9 in part; the profile of any image is the block with the layer's number, of each
 * layer.
 */
function aNode({ failures = [] as string[], restWaitsMs = 60_000 } = {}) {
  const clock = new ManualClock()
  const stored = new Map<Digest, StoredLayer & { isComplete: boolean }>()
  for (let number = 1; number < 10; number += 1) {
    const manifest = { digest: digestOf(number), sizeBytes: 20 * BLOCK_BYTES, blockLengthBytes: BLOCK_BYTES }
    const layer = { manifest, present: new Bitfield(20), isComplete: false }
    stored.set(digestOf(number), layer as unknown as StoredLayer & { isComplete: boolean })
  }
  const fetched: string[] = []
  const hinted: Digest[] = []
  const bootBlocks = (revision: number): BootBlocks => {
    const layers = [...stored.keys()].map((digest) => ({ digest, blockLengthBytes: BLOCK_BYTES, blocks: 20 }))
    const runs = [...stored.keys()].map((digest) => ({ digest, firstBlock: 4, blocks: 1, score: 1 }))
    return { revision, recordings: 1, createdAt: 0, layers, runs }
  }
  const young: number[] = []
  const prefetches: ProfilePrefetches = new ProfilePrefetches(
    {
      ...{ clock, random: () => 0, logger: silentLogger },
      onYoung: () => void young.push(prefetches.youngLayers.size),
      source: { hint: (digest) => void hinted.push(digest) },
      store: { get: (digest) => stored.get(digest) },
      fetch: async (image) => {
        fetched.push(image)
        const code = failures.shift()
        if (code !== undefined) throw new ShoalError(code, 'no', { hint: '' })
        return image === 'unknown' ? undefined : bootBlocks(1)
      },
    },
    { restWaitsMs },
  )
  const tick = async (deltaMs = 50) => {
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(deltaMs)
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }
  const arrive = (digest: Digest) => stored.get(digest)?.present.set(4)
  return { prefetches, fetched, hinted, young, stored, tick, arrive }
}

function assigned(number: number, change: Partial<DesiredAssignment> = {}): DesiredAssignment {
  return {
    ...{ layer: digestOf(number), priority: 50, sizeBytes: 1, infoHash: '', peers: [] },
    bootProfile: { image: `image${number}`, revision: 1 },
    ...change,
  }
}

describe('prefetches by boot profiles', () => {
  test('machines that boot one image share one, which ends with the last of them', async () => {
    const node = aNode()
    const first = node.prefetches.hold('image', [BASE, MIDDLE])
    const second = node.prefetches.hold('image', [BASE, MIDDLE])
    await node.tick()
    assert.deepEqual(node.fetched, ['image'])
    assert.deepEqual(node.hinted, [BASE, MIDDLE])
    first()
    first()
    await node.tick(2000)
    assert.equal(node.hinted.length, 4)
    second()
    await node.tick(2000)
    await node.tick(2000)
    assert.equal(node.hinted.length, 4)
    // The next one begins anew.
    node.prefetches.hold('image', [BASE, MIDDLE])
    await node.tick()
    assert.equal(node.fetched.length, 2)
    await node.prefetches[Symbol.asyncDispose]()
  })

  test('it is known what a profile foretold, for as long as a machine boots by it', async () => {
    const node = aNode()
    const release = node.prefetches.hold('image', [BASE, MIDDLE])
    const foretells = (layer: Digest, block: number) =>
      node.prefetches.foretells('image', [BASE, MIDDLE], layer, block * BLOCK_BYTES + 5)
    assert.equal(foretells(BASE, 4), undefined)
    await node.tick()
    assert.deepEqual([foretells(BASE, 4), foretells(MIDDLE, 4), foretells(BASE, 3)], [true, true, false])
    assert.equal(foretells(digestOf(99), 4), undefined)
    release()
    assert.equal(foretells(BASE, 4), undefined)
    await node.prefetches[Symbol.asyncDispose]()
  })

  test('what a profile does not name can wait while machines boot by it, until they are quiet or gone', async () => {
    const node = aNode()
    const release = node.prefetches.hold('image', [BASE, MIDDLE])
    const noProfile = node.prefetches.hold('unknown', [digestOf(3)])
    const onRead = node.prefetches.reads('image', [BASE, MIDDLE])
    assert.deepEqual([...node.prefetches.youngLayers], [])
    await node.tick()
    assert.deepEqual([...node.prefetches.youngLayers], [BASE, MIDDLE])
    await node.tick(29_000)
    onRead()
    await node.tick(29_000)
    assert.deepEqual(node.young, [2])
    await node.tick(1000)
    assert.deepEqual(node.young, [2, 0])
    release()
    assert.deepEqual(node.young, [2, 0])
    const again = node.prefetches.hold('image', [BASE, MIDDLE])
    await node.tick()
    again()
    assert.deepEqual(node.young, [2, 0, 2, 0])
    noProfile()
    onRead()
    await node.prefetches[Symbol.asyncDispose]()
  })

  test('it does not wait where it is told not to', async () => {
    const node = aNode({ restWaitsMs: 0 })
    node.prefetches.hold('image', [BASE])
    await node.tick()
    assert.deepEqual([node.hinted, node.young], [[BASE], []])
    await node.prefetches[Symbol.asyncDispose]()
  })

  test('nothing is asked for layers that are complete', async () => {
    const node = aNode()
    for (const digest of [BASE, MIDDLE]) Object.assign(node.stored.get(digest) ?? {}, { isComplete: true })
    node.prefetches.hold('image', [BASE, MIDDLE])
    node.prefetches.setAssigned([assigned(1), assigned(2)])
    await node.tick()
    assert.deepEqual(node.fetched, [])
    await node.prefetches[Symbol.asyncDispose]()
  })

  test('a seed that is away is asked again; a profile that is none, or not right, is done without', async () => {
    const node = aNode({ failures: ['SHOAL_API_UNREACHABLE', 'SHOAL_API_TIMEOUT'] })
    node.prefetches.hold('image', [BASE])
    for (let turn = 0; turn < 4; turn += 1) await node.tick(10_000)
    assert.deepEqual([node.fetched.length, node.hinted[0]], [3, BASE])
    const forged = aNode({ failures: ['SHOAL_BOOT_BLOCKS_SIGNATURE'] })
    forged.prefetches.hold('image', [BASE])
    forged.prefetches.hold('unknown', [BASE])
    for (let turn = 0; turn < 4; turn += 1) await forged.tick(10_000)
    assert.deepEqual([forged.fetched, forged.hinted], [['image', 'unknown'], []])
    for (const { prefetches } of [node, forged]) await prefetches[Symbol.asyncDispose]()
  })

  test('of what is assigned the most urgent goes first, then the next', async () => {
    const node = aNode()
    const wanted = [assigned(3), assigned(2, { wave: 1 }), assigned(1, { priority: 90 }), assigned(4, { wave: 0 })]
    node.prefetches.setAssigned(wanted)
    await node.tick()
    assert.deepEqual(node.hinted, [digestOf(1)])
    node.arrive(digestOf(1))
    await node.tick()
    assert.deepEqual(node.hinted.slice(1), [digestOf(3), digestOf(4)])
    // Told again nothing begins anew.
    node.prefetches.setAssigned(wanted)
    await node.tick()
    assert.equal(node.hinted.length, 3)
    for (const number of [3, 4]) node.arrive(digestOf(number))
    await node.tick()
    assert.deepEqual(node.hinted.slice(3), [digestOf(2)])
    assert.deepEqual(node.fetched, ['image1', 'image3', 'image4', 'image2'])
    await node.prefetches[Symbol.asyncDispose]()
  })

  test('what is assigned no more, paused or has no profile is not prefetched', async () => {
    const node = aNode()
    node.prefetches.setAssigned([assigned(1), assigned(2, { limitBytesPerSecond: 0 })])
    await node.tick()
    assert.deepEqual(node.hinted, [digestOf(1)])
    const { bootProfile: _, ...plain } = assigned(3)
    node.prefetches.setAssigned([plain])
    await node.tick(2000)
    await node.tick(2000)
    assert.deepEqual(node.hinted, [digestOf(1)])
    await node.prefetches[Symbol.asyncDispose]()
  })

  test('a new revision is fetched and followed', async () => {
    const node = aNode()
    node.prefetches.setAssigned([assigned(1)])
    await node.tick()
    node.prefetches.setAssigned([assigned(1, { bootProfile: { image: 'image1', revision: 2 } })])
    await node.tick()
    assert.deepEqual(node.fetched, ['image1', 'image1'])
    await node.prefetches[Symbol.asyncDispose]()
  })

  test('side by side there are only so many, and none after the end', async () => {
    const node = aNode()
    node.prefetches.setAssigned(Array.from({ length: 9 }, (_, index) => assigned(index + 1)))
    await node.tick()
    assert.equal(node.hinted.length, 4)
    await node.prefetches[Symbol.asyncDispose]()
    node.prefetches.setAssigned([assigned(9)])
    node.prefetches.hold('image', [BASE])
    await node.tick()
    assert.equal(node.hinted.length, 4)
  })
})
