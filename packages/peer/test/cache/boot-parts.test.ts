import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { test } from 'node:test'
import { type BootBlocks, decodeBootBlocks, decodePublicKey, ManualClock, silentLogger } from '@shoal/core'
import { createMemoryLayerStore } from '@shoal/layer-store'
import { fetchBootBlocks } from '../../src/boot/fetch-boot-blocks.ts'
import { BootParts } from '../../src/cache/boot-parts.ts'
import { FleetFacts } from '../../src/cache/fleet-facts.ts'
import { fakeSeed } from '../fake-seed.ts'
import { signingKey } from '../layer-fixture.ts'
import { testDirectory } from '../peer-fixture.ts'
import { trusting } from '../trusting.ts'
import { openCrashNode } from './crash-node.ts'
import { BOOT_BLOCKS, IMAGE, profiledLayer } from './profiled-layer.ts'

const MIB = 1024 ** 2

/** A layer that is there, and a seed that says what a test wants, and counts. */
async function setUp() {
  const { layer, digest, facts: told, encoded, key } = profiledLayer()
  const store = createMemoryLayerStore()
  await store.open()
  const stored = await store.create(layer)
  const facts = new FleetFacts()
  facts.set([{ layer: digest, ...told }])
  const clock = new ManualClock(1e12)
  const profile = decodeBootBlocks(encoded, [decodePublicKey(key.publicKey)])
  const seed: { profile: BootBlocks | undefined | Error; asked: number } = { profile, asked: 0 }
  const fetchProfile = async (image: string) => {
    equal(image, IMAGE)
    seed.asked += 1
    if (seed.profile instanceof Error) throw seed.profile
    return seed.profile
  }
  const parts = new BootParts({ facts, fetchProfile, clock, logger: silentLogger })
  const find = async () => [...((await parts.find(stored))?.ones() ?? [])]
  return { layer, digest, told, stored, facts, clock, profile, seed, parts, find }
}

test('what stays are the blocks that the profile names, asked for once, and anew when the seed has another one', async () => {
  const { digest, told, facts, stored, parts, seed, profile, find } = await setUp()
  equal(parts.atHand(stored), undefined)
  deepEqual(await Promise.all([find(), find()]), [BOOT_BLOCKS, BOOT_BLOCKS])
  deepEqual([...(parts.atHand(stored)?.ones() ?? [])], BOOT_BLOCKS)
  deepEqual([await find(), seed.asked], [BOOT_BLOCKS, 1])
  facts.set([{ layer: digest, ...told, bootProfile: { image: IMAGE, revision: 5 } }])
  seed.profile = { ...profile, revision: 5, runs: profile.runs.slice(0, 1) }
  deepEqual([await find(), seed.asked], [[20, 21, 22], 2])
})

test('a profile may count in larger blocks than the layer here has', async () => {
  const { seed, profile, find } = await setUp()
  const layers = profile.layers.map((layer) => ({ ...layer, blockLengthBytes: 2 * layer.blockLengthBytes, blocks: 16 }))
  seed.profile = {
    ...profile,
    layers,
    runs: profile.runs.slice(0, 1).map((run) => ({ ...run, firstBlock: 5, blocks: 2 })),
  }
  deepEqual(await find(), [10, 11, 12, 13])
})

test('without a profile they are those at the beginning; nothing stays of what nobody knows', async () => {
  const { digest, told, facts, parts, stored, seed, find } = await setUp()
  const { bootProfile: _, ...plain } = told
  facts.set([{ layer: digest, ...plain, bootBytes: 2 * stored.manifest.blockLengthBytes + 1 }])
  deepEqual(await find(), [0, 1, 2])
  facts.set([{ layer: digest, ...plain, bootBytes: 0 }])
  equal(await parts.find(stored), undefined)
  equal(seed.asked, 0)
})

test('a seed that does not answer is not asked again for a while; one that knows none is not until there is another', async () => {
  const { parts, stored, seed, clock, find } = await setUp()
  seed.profile = new Error('away')
  for (let time = 0; time < 3; time += 1) equal(await parts.find(stored), undefined)
  equal(seed.asked, 1)
  clock.advance(30_000)
  seed.profile = undefined
  for (let time = 0; time < 3; time += 1) deepEqual(await find(), [])
  equal(seed.asked, 2)
})

test('of what is here in part the seed is asked ahead, of what is whole or gone nothing is remembered', async () => {
  const { layer, parts, stored, seed } = await setUp()
  await parts.look([stored])
  equal(seed.asked, 1)
  ok(parts.atHand(stored))
  await parts.look([])
  equal(parts.atHand(stored), undefined)
  await stored.writeBlocks(0, layer.data)
  await parts.look([stored])
  equal(seed.asked, 1)
})

test('what is left of an evicted layer is what its profile names, in its place and verified, and takes no more space', async () => {
  const { layer, digest, facts, bootBytes, left, encoded, key } = profiledLayer()
  await using directory = await testDirectory()
  const seed = fakeSeed({ getBootProfile: async () => Buffer.from(encoded) })
  const trust = trusting(decodePublicKey(key.publicKey))
  const fetchProfile = (image: string, { signal }: { signal: AbortSignal }) => {
    return fetchBootBlocks(seed, image, { trust, signal })
  }
  await using node = await openCrashNode(directory.path, { fetchProfile })
  const { store, cache } = node
  cache.setFacts([{ layer: digest, ...facts }])
  const stored = await store.create(layer)
  await stored.writeBlocks(0, layer.data)
  await stored.flush()
  const { path } = stored
  const before = await stat(path)
  ok(before.blocks * 512 >= layer.data.length)
  const { evictions } = await cache.evict({ bytes: 3 * MIB })
  deepEqual(
    evictions.map(({ keptBytes }) => keptBytes),
    [bootBytes],
  )
  deepEqual([...stored.present.ones()], BOOT_BLOCKS)
  deepEqual(await stored.verify(), { checkedBlocks: BOOT_BLOCKS.length, badBlocks: [], digestMatches: null })
  const after = await stat(path)
  ok(after.blocks * 512 <= bootBytes + after.blksize, `${after.blocks * 512} bytes`)
  equal(Buffer.compare(await readFile(path), left), 0)
  const [shown] = (await cache.list()).layers
  equal(shown?.presentBytes, bootBytes)
  equal(cache.evicted.has(digest, '2026-11-22T00:00:00.000Z'), true)
})

test('without the seed, or with a profile that nobody trusted has signed, all of the layer goes, and that is told', async () => {
  const { layer, digest, facts, encoded } = profiledLayer()
  const stranger = decodePublicKey(signingKey().publicKey)
  const faults = [async () => Promise.reject(new Error('away')), async () => decodeBootBlocks(encoded, [stranger])]
  for (const fetchProfile of faults) {
    await using directory = await testDirectory()
    await using node = await openCrashNode(directory.path, { fetchProfile })
    node.cache.setFacts([{ layer: digest, ...facts }])
    await (await node.store.create(layer)).writeBlocks(0, layer.data)
    const { evictions, freedBytes } = await node.cache.evict({ bytes: 3 * MIB })
    deepEqual(
      evictions.map(({ keptBytes }) => keptBytes),
      [0],
    )
    ok(freedBytes >= layer.data.length)
    equal(node.store.get(digest), undefined)
  }
})
