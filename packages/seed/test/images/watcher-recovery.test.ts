import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLogger, systemClock } from '@shoal/core'
import type { GlanceImage } from '@shoal/openstack'
import { createMemoryState, type StateStore } from '@shoal/state'
import { LibraryWatcher } from '../../src/images/library-watcher.ts'
import { diskImage, MemoryLibrary, openImports } from '../imports/import-fixture.ts'

const { signal } = new AbortController()

/** A watcher over the images of a memory library; `list` may be made to fail. */
async function watch(memory: MemoryLibrary, options: { state?: StateStore; sweepIntervalMs?: number } = {}) {
  const asked: (number | undefined)[] = []
  const faults = { listAfter: Number.POSITIVE_INFINITY, show: new Map<string, string>() }
  const fail = (code: string) => Object.assign(new Error(code), { code })
  const library = {
    async *list({ updatedSince }: { updatedSince?: string }): AsyncGenerator<GlanceImage> {
      asked.push(updatedSince === undefined ? undefined : Date.parse(updatedSince))
      let count = 0
      for (const image of memory.images.values()) {
        if (faults.show.has(image.id)) continue
        if (count >= faults.listAfter) throw fail('SHOAL_GLANCE_UNREACHABLE')
        count += 1
        if (updatedSince === undefined || Date.parse(image.updatedAt) >= Date.parse(updatedSince)) yield image
      }
    },
    async show(id: string) {
      const code = faults.show.get(id)
      if (code !== undefined) throw fail(code)
      return memory.images.get(id)
    },
  }
  const imports = await openImports(memory, options.state === undefined ? {} : { state: options.state })
  const { sweepIntervalMs = 0 } = options
  const watcher = new LibraryWatcher(
    {
      ...{ ...imports, library, clock: systemClock, logger: silentLogger },
      ...{ narrowing: { change: () => undefined }, review: { consider: () => {} } },
    },
    { pollIntervalMs: 10, sweepIntervalMs, rules: [] },
  )
  return { ...imports, watcher, asked, faults }
}

describe('the library watcher', () => {
  it('misses no change because one image was asked for, or because a list was cut', async () => {
    const memory = new MemoryLibrary()
    const [first, second] = [memory.add('a', diskImage(4096)), memory.add('b', diskImage(4096))]
    const { watcher, asked, catalogue, faults } = await watch(memory, { sweepIntervalMs: 1e9 })
    await watcher.round({ signal })
    memory.change(second.id, { status: 'deactivated', updatedAt: '2026-02-01T00:00:00Z' })
    memory.change(first.id, { updatedAt: '2026-03-01T00:00:00Z' })
    await watcher.refresh(first.id)
    faults.listAfter = 1
    await watcher.round({ signal })
    faults.listAfter = Number.POSITIVE_INFINITY
    await watcher.round({ signal })
    assert.equal(catalogue.image(second.id)?.image.status, 'deactivated')
    assert.ok(asked.slice(1).every((since) => since !== undefined && since <= Date.parse('2026-01-01T00:00:00Z')))
  })

  it('is not led astray by times in the future or none at all', async () => {
    const memory = new MemoryLibrary()
    const image = memory.add('a', diskImage(4096))
    memory.change(image.id, { updatedAt: '9999-01-01T00:00:00Z' })
    memory.change(memory.add('b', diskImage(4096)).id, { updatedAt: '' })
    const { watcher, asked } = await watch(memory, { sweepIntervalMs: 1e9 })
    await watcher.round({ signal })
    await watcher.round({ signal })
    assert.ok((asked[1] ?? Number.POSITIVE_INFINITY) <= Date.now())
    assert.equal(watcher.isReachable, true)
  })

  it('finds deleted images behind one that the library refuses to show', async () => {
    const memory = new MemoryLibrary()
    const [first, second] = [memory.add('a', diskImage(4096)), memory.add('b', diskImage(4096))]
    const { watcher, catalogue, faults } = await watch(memory)
    await watcher.round({ signal })
    faults.show.set(first.id, 'SHOAL_GLANCE_FORBIDDEN')
    memory.images.delete(second.id)
    await watcher.round({ signal })
    assert.equal(catalogue.image(first.id)?.deletedAt, null)
    assert.notEqual(catalogue.image(second.id)?.deletedAt, null)
  })

  for (const what of ['deactivated', 'deleted'] as const) {
    it(`withdraws the layer of a ${what} image at the next look when the first could not record it`, async () => {
      const memory = new MemoryLibrary()
      const image = memory.add('a')
      const real = createMemoryState()
      let isFull = false
      const batch: StateStore['batch'] = async (operations, options) => {
        if (isFull) throw Object.assign(new Error('full'), { code: 'SHOAL_STATE_NO_SPACE' })
        return real.batch(operations, options)
      }
      const state: StateStore = { ...bound(real), batch }
      const parts = await watch(memory, { state })
      await parts.watcher.round({ signal })
      const layer = (await parts.import(image))?.layer
      assert.ok(layer && parts.seeded.has(layer))
      if (what === 'deleted') memory.images.delete(image.id)
      else memory.change(image.id, { status: what })
      isFull = true
      await parts.watcher.round({ signal })
      isFull = false
      await parts.watcher.round({ signal })
      assert.ok(!parts.seeded.has(layer))
      assert.notEqual(parts.catalogue.layer(layer)?.state, 'published')
      assert.equal(parts.catalogue.image(image.id)?.layer, what === 'deleted' ? null : layer)
    })
  }

  it('takes an image that comes back after its deletion as a new one', async () => {
    const memory = new MemoryLibrary()
    const image = memory.add('a')
    const parts = await watch(memory)
    await parts.watcher.round({ signal })
    await parts.import(image)
    memory.images.delete(image.id)
    await parts.watcher.round({ signal })
    memory.images.set(image.id, image)
    await parts.watcher.round({ signal })
    const back = parts.catalogue.image(image.id)
    assert.deepEqual([back?.deletedAt, back?.layer, back?.import], [null, null, null])
    assert.equal((await parts.import(image))?.import?.state, 'published')
  })
})

/** The store's methods as plain functions, so that some can be replaced. */
function bound(state: StateStore): StateStore {
  return {
    get: (key) => state.get(key),
    put: (key, value) => state.put(key, value),
    delete: (key) => state.delete(key),
    batch: (operations, options) => state.batch(operations, options),
    range: (options) => state.range(options),
    watch: (prefix, options) => state.watch(prefix, options),
    close: () => state.close(),
    [Symbol.asyncDispose]: () => state.close(),
  }
}
