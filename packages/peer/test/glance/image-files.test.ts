import { deepEqual, equal, ok } from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { ImageFile } from '@shoal/api'
import { type Digest, errorFactory, ManualClock, type ShoalError, silentLogger } from '@shoal/core'
import { createMemoryLayerStore } from '@shoal/layer-store'
import { createMemoryState } from '@shoal/state'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { Notice } from '../../src/boot/boots-notice.ts'
import { ImageFiles } from '../../src/glance/image-files.ts'
import { KnownFiles } from '../../src/glance/known-files.ts'
import { LayerHolds } from '../../src/layer-holds.ts'
import { fakeSeed } from '../fake-seed.ts'
import { layerFixture, signingKey } from '../layer-fixture.ts'
import { IMAGE } from './stand-in-glance.ts'

const { privateKey } = signingKey()
const fixture = layerFixture(privateKey, { sizeBytes: 300_000 })
const { digest } = fixture.manifest
const FACTS = { id: IMAGE, sizeBytes: 300_000, osHashAlgo: 'sha512', osHashValue: 'ab' }
const READY: ImageFile = {
  image: IMAGE,
  state: 'ready',
  layer: digest,
  sizeBytes: 300_000,
  osHashAlgo: 'sha512',
  osHashValue: 'ab',
}
const nothing = (state: 'importing' | 'none'): ImageFile => {
  return { image: IMAGE, state, layer: null, sizeBytes: 0, osHashAlgo: null, osHashValue: null }
}
const fault = errorFactory({
  SHOAL_API_UNREACHABLE: { message: 'm', hint: 'h' },
  SHOAL_IMAGE_DEACTIVATED: { message: 'm', hint: 'h' },
  SHOAL_CACHE_FULL: { message: 'm', hint: 'h' },
})

async function start(t: TestContext, { waitMs = 60_000 } = {}) {
  const undo = undoAfter(t)
  const store = createMemoryLayerStore()
  await store.open()
  undo.after(() => store.close())
  const clock = new ManualClock(1_700_000_000_000)
  const [holds, notice, known] = [new LayerHolds(), new Notice(clock), new KnownFiles(createMemoryState())]
  const state = {
    withdrawn: new Set<Digest>(),
    failure: undefined as ShoalError | undefined,
    used: [] as Digest[],
    tenantToken: undefined as string | undefined,
  }
  const answers: (ImageFile | Error)[] = []
  let asked = 0
  const seed = fakeSeed({
    wantFile: async ({ headers }) => {
      asked += 1
      state.tenantToken = headers?.['x-shoal-tenant-token']
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      if (answer instanceof Error) throw answer
      return answer ?? nothing('none')
    },
  })
  const files = new ImageFiles(
    {
      ...{ store, seed, known, holds, notice, clock, random: () => 0.5, logger: silentLogger },
      isWithdrawn: (layer) => state.withdrawn.has(layer),
      failureOf: () => state.failure,
      onUse: ({ manifest }) => state.used.push(manifest.digest),
      onUnknown: () => {},
    },
    { node: 'n1', waitMs },
  )
  const abort = new AbortController()
  const open = (token?: string) => files.open(FACTS, { signal: abort.signal, token })
  const create = async (isWhole = true) => {
    const layer = await store.create(fixture)
    if (isWhole) await layer.writeBlocks(0, fixture.data)
    notice.ring()
  }
  const known1 = { image: IMAGE, layer: digest, sizeBytes: 300_000, osHashAlgo: 'sha512', osHashValue: 'ab' }
  return { clock, holds, known, known1, state, answers, open, create, abort, asked: () => asked }
}

test('a layer that is here whole is given without a word to the seed, and is held until it is released', async (t) => {
  const { known, known1, create, open, holds, state, asked } = await start(t)
  await known.learn(known1)
  await create()
  const file = await open()
  ok(typeof file === 'object')
  equal(file.layer.manifest.digest, digest)
  deepEqual([holds.isHeld(digest), state.used, asked()], [true, [digest], 0])
  file.release()
  equal(holds.isHeld(digest), false)
})

test('the seed is asked, again while it imports, then the layer is waited for and held from then on', async (t) => {
  const { answers, open, clock, holds, create, known, asked } = await start(t)
  answers.push(nothing('importing'), nothing('importing'), READY)
  const opening = open()
  while (!holds.isHeld(digest)) {
    await setImmediate()
    clock.advance(50)
  }
  equal(asked(), 3)
  await create(false)
  const file = await opening
  ok(typeof file === 'object' && !file.layer.isComplete)
  equal(known.layerOf(FACTS), digest)
})

test('what the seed has no layer for, refuses, or has other bytes of is left to Glance', async (t) => {
  const { answers, open, holds } = await start(t)
  answers[0] = nothing('none')
  equal(await open(), 'no-layer')
  answers[0] = fault('SHOAL_IMAGE_DEACTIVATED')
  equal(await open(), 'refused')
  answers[0] = { ...READY, osHashValue: 'cd' }
  equal(await open(), 'other-bytes')
  equal(holds.isHeld(digest), false)
})

test('without the seed a part of a layer is enough; without either it is left to Glance', async (t) => {
  const { answers, open, create, known, known1 } = await start(t)
  answers[0] = fault('SHOAL_API_UNREACHABLE')
  equal(await open(), 'seed-away')
  await known.learn(known1)
  equal(await open(), 'seed-away')
  await create(false)
  ok(typeof (await open()) === 'object')
})

test('a seed that answered just now is asked again for a while', async (t) => {
  const { answers, open, clock, asked } = await start(t)
  answers[0] = nothing('none')
  await open()
  answers[0] = fault('SHOAL_API_UNREACHABLE')
  const opening = open()
  let isOver = false
  opening.then(() => {
    isOver = true
  })
  while (!isOver) {
    await setImmediate()
    clock.advance(100)
  }
  equal(await opening, 'seed-away')
  equal(asked(), 6)
})

test('a layer that is withdrawn, or cannot be stored, is not waited for', async (t) => {
  const { answers, open, state, holds } = await start(t)
  answers[0] = READY
  state.failure = fault('SHOAL_CACHE_FULL')
  equal(await open(), 'layer-failed')
  state.withdrawn.add(digest)
  equal(await open(), 'withdrawn')
  equal(holds.isHeld(digest), false)
})

test('it is waited for so long and no longer, and for a client that has gone not at all', async (t) => {
  const { answers, open, clock, abort, holds } = await start(t, { waitMs: 1000 })
  answers[0] = READY
  const opening = open()
  while (!holds.isHeld(digest)) await setImmediate()
  clock.advance(1000)
  equal(await opening, 'late')
  equal(holds.isHeld(digest), false)
  const second = open()
  while (!holds.isHeld(digest)) await setImmediate()
  abort.abort(new Error('gone'))
  await second.then(
    () => ok(false),
    (error: Error) => equal(error.message, 'gone'),
  )
  equal(holds.isHeld(digest), false)
})

test('the seed is told for which tenant it is asked, and nothing where that is not known', async (t) => {
  const { answers, open, create, state } = await start(t)
  answers.push(READY)
  await create(false)
  for (const token of ['token-of-alice', undefined]) {
    const file = await open(token)
    ok(typeof file === 'object')
    file.release()
    equal(state.tenantToken, token)
  }
})
