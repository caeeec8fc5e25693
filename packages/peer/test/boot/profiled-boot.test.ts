import { deepEqual, equal, ok } from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { blockCount, encodeBootBlocks, silentLogger, steadyClock, systemClock } from '@shoal/core'
import { createLayerStore } from '@shoal/layer-store'
import { createMetrics } from '@shoal/service'
import { createMemoryState } from '@shoal/state'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { NbdBlockServer } from '../../src/boot/block-server.ts'
import { Companions } from '../../src/boot/boots-companions.ts'
import { BootEvents } from '../../src/boot/boots-events.ts'
import { BootObserver } from '../../src/boot/boots-observer.ts'
import { fetchBootBlocks } from '../../src/boot/fetch-boot-blocks.ts'
import { registerBootMetrics } from '../../src/boot/metrics.ts'
import { ProfileHits } from '../../src/boot/profile-hits.ts'
import { ProfilePrefetches } from '../../src/boot/profile-prefetches.ts'
import { layeredDisk, qemuImg } from '../compose/layered-disk.ts'
import { fakeSeed } from '../fake-seed.ts'
import { eventually, testDirectory } from '../peer-fixture.ts'
import { trusting } from '../trusting.ts'
import { StandInSource } from './stand-in-source.ts'

const MIB = 1024 ** 2
const IMAGE = '6f0c2c1e-0000-4000-8000-000000000001'
/** Blocks that the profile names. */
const NAMED = 5

test('what a profile names is fetched before it is read, and QEMU reading all of the disk shows how much that is', async (t) => {
  const undo = undoAfter(t)
  const directory = await testDirectory()
  undo.after(async () => directory[Symbol.asyncDispose]())
  const shared = { logger: silentLogger, clock: steadyClock, random: () => 0.5 }
  const store = createLayerStore(
    { state: createMemoryState(), logger: silentLogger, clock: systemClock },
    { directory: join(directory.path, 'layers') },
  )
  await store.open()
  undo.after(() => store.close())
  const { base } = await layeredDisk({ baseFormat: 'raw', sizeBytes: 8 * MIB })
  const { digest, blockLengthBytes, virtualSizeBytes } = base.manifest
  const blocks = blockCount(base.manifest)
  const stored = await store.create(base)
  const source = new StandInSource(store, [base])
  source.hint = (layer, firstBlock, count) => {
    for (let block = firstBlock; block < firstBlock + count; block += 1) void source.give({ digest: layer, block })
  }
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const runs = [{ digest, firstBlock: 2, blocks: NAMED, score: 1 }]
  const about = { revision: 1, recordings: 1, createdAt: 0, layers: [{ digest, blockLengthBytes, blocks }] }
  const encoded = encodeBootBlocks({ ...about, runs }, privateKey)
  const seed = fakeSeed({ getBootProfile: async () => Buffer.from(encoded) })
  const prefetches = new ProfilePrefetches(
    {
      ...{ ...shared, source, store },
      fetch: (image, { signal }) => fetchBootBlocks(seed, image, { trust: trusting(publicKey), signal }),
      onYoung: () => {},
    },
    { restWaitsMs: 0 },
  )
  undo.after(() => prefetches[Symbol.asyncDispose]())
  const companions = new Companions({ ...shared, seed, prefetches, readClock: steadyClock }, { node: 'n1' })
  const observer = new BootObserver({
    ...{ companions, prefetches, hits: new ProfileHits(), clock: systemClock },
    events: new BootEvents({ queue: { add: async () => {} }, clock: systemClock, logger: silentLogger }),
    askedAt: () => Date.now(),
    isOpen: () => true,
    onSpans: () => {},
    readClock: steadyClock,
  })
  const metrics = createMetrics({ process: false })
  observer.count(registerBootMetrics(metrics, { list: () => [] }))
  const server = new NbdBlockServer(
    { ...shared, store, source, observe: (boot) => observer.observe(boot) },
    { directory: directory.path, mode: 0o660, readTimeoutMs: 60_000 },
  )
  undo.after(() => server[Symbol.asyncDispose]())

  undo.after(async () => release())
  const release = companions.prefetch(IMAGE, [digest])
  const named = Array.from({ length: NAMED }, (_, index) => 2 + index)
  await eventually(() => named.every((block) => stored.present.has(block)) || undefined, { what: 'they are fetched' })
  const boot = { name: 'vm', image: IMAGE, layers: [digest], virtualSizeBytes }
  const { socket } = await server.open(boot, { signal: new AbortController().signal })
  const read = async () => {
    const copy = join(directory.path, 'copy')
    await qemuImg('convert', '-f', 'raw', '-O', 'raw', `nbd+unix:///vm?socket=${socket}`, copy)
    const lines = (await metrics.text())
      .split('\n')
      .filter((line) => line.startsWith('shoal_boot_profile_blocks_total{'))
    return lines.map((line) => line.replace(/^\S*foretold="(\w+)"\} /, '$1 '))
  }
  const counts = (await read()).sort()
  deepEqual(counts, [`no ${blocks - NAMED}`, `yes ${NAMED}`])
  ok(!source.demands.some(({ block }) => named.includes(block)), 'none of them was waited for')
  // What was read before is no news.
  deepEqual((await read()).sort(), counts)
  equal(stored.isComplete, true)
})
