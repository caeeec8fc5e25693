import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { Popularity } from '../../src/nodes/popularity.ts'
import { knownLayers, layerDigest } from './known-layers.ts'

const DAY_MS = 24 * 3_600_000
const [a, b, stranger] = [layerDigest(1), layerDigest(2), layerDigest(3)]

async function open(
  state: Pick<StateStore, 'get' | 'batch'>,
  { clock = new ManualClock(DAY_MS), catalogue = knownLayers([a, b]) } = {},
) {
  const popularity = new Popularity({ state, clock, catalogue })
  await popularity.open()
  return { popularity, clock, catalogue }
}

it('gives a layer its part of all uses, recent ones counting more', async () => {
  const { popularity, clock } = await open(createMemoryState())
  popularity.add([{ layer: a, uses: 900 }])
  popularity.add([{ layer: b, uses: 100 }])
  const then = popularity.share(a)
  assert.ok(then > 0.8 && then < 1, String(then))
  clock.advance(30 * DAY_MS)
  popularity.add([{ layer: b, uses: 900 }])
  assert.ok(popularity.share(a) < popularity.share(b))
})

it('counts layers that are known, no others', async () => {
  const state = createMemoryState()
  const { popularity } = await open(state)
  popularity.add([{ layer: a, uses: 10 }])
  const share = popularity.share(a)
  popularity.add([{ layer: stranger, uses: 1000 }])
  assert.equal(popularity.share(a), share)
})

it('survives a restart, and forgets layers that are no more', async () => {
  const state = createMemoryState()
  const { popularity, clock, catalogue } = await open(state)
  popularity.add([
    { layer: a, uses: 30 },
    { layer: b, uses: 10 },
  ])
  await popularity.save()
  const after = await open(state, { clock, catalogue })
  for (const layer of [a, b]) {
    assert.ok(Math.abs(after.popularity.share(layer) - popularity.share(layer)) < 1e-9)
  }

  catalogue.layers.delete(a)
  const later = await open(state, { clock, catalogue })
  assert.ok(later.popularity.share(b) > 0.9)
  popularity.add([{ layer: b, uses: 1 }])
  await popularity.save()
  assert.ok(popularity.share(b) > 0.9)
  assert.ok(!JSON.stringify((await state.get('seed/popularity'))?.value).includes(a))
})

it('writes nothing while nothing was used', async () => {
  const state = createMemoryState()
  const { popularity } = await open(state)
  await popularity.save()
  assert.equal(await state.get('seed/popularity'), undefined)
  popularity.add([{ layer: a, uses: 1 }])
  await popularity.save()
  const revision = (await state.get('seed/popularity'))?.revision
  await popularity.save()
  assert.equal((await state.get('seed/popularity'))?.revision, revision)
})

it('tries a save again that failed', async () => {
  const memory = createMemoryState()
  let isFull = true
  const batch: StateStore['batch'] = async (operations, options) => {
    if (isFull) throw new Error('full')
    return memory.batch(operations, options)
  }
  const state = { get: <T>(key: string) => memory.get<T>(key), batch }
  const { popularity } = await open(state)
  popularity.add([{ layer: a, uses: 1 }])
  await assert.rejects(popularity.save(), /full/)
  isFull = false
  await popularity.save()
  assert.notEqual(await memory.get('seed/popularity'), undefined)
})
