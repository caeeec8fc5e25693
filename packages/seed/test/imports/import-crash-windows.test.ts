import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, it } from 'node:test'
import { systemClock, TokenBucket } from '@shoal/core'
import { createMemoryLayerStore, type LayerStore } from '@shoal/layer-store'
import { createMemoryState, type StateStore } from '@shoal/state'
import { seedError } from '../../src/errors.ts'
import { diskImage, MemoryLibrary, openImports } from './import-fixture.ts'

const MIB = 1024 ** 2

/** The same object with some methods replaced. */
function override<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(of, key) {
      const value: unknown = Reflect.get(Object.hasOwn(methods, key) ? methods : of, key)
      return typeof value === 'function' ? value.bind(of) : value
    },
  })
}

function gate() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}

describe('an image is read once', () => {
  it('when the seed stops after the file was moved and before the layer was recorded', async () => {
    const library = new MemoryLibrary()
    const image = library.add('one')
    const real = createMemoryLayerStore()
    const reached = gate()
    const stopping = gate()
    const store: LayerStore = override(real, {
      async adopt(layer, path) {
        const stored = await real.adopt(layer, path)
        reached.open()
        await stopping.opened
        return stored
      },
    })
    const first = await openImports(library, { store })
    const importing = first.import(image)
    await reached.opened
    const stopped = first.importer.stop()
    stopping.open()
    await stopped
    await importing
    assert.equal(first.catalogue.image(image.id)?.layer, null)

    const second = await openImports(library, { state: first.state, store: real })
    await second.importer.resume()
    await second.importer.settled(image.id)
    assert.equal(second.catalogue.image(image.id)?.import?.state, 'published')
    assert.equal(second.seeded.size, 1)
    assert.deepEqual(library.reads, [0])
  })

  it('when the records cannot be written at first', async () => {
    const library = new MemoryLibrary()
    const image = library.add('one')
    const memory = createMemoryState()
    let isFull = false
    const state: StateStore = override(memory, {
      async batch(operations, options) {
        if (isFull) throw Object.assign(new Error('full'), { code: 'SHOAL_STATE_NO_SPACE' })
        return memory.batch(operations, options)
      },
    })
    const real = createMemoryLayerStore()
    const store: LayerStore = override(real, {
      async adopt(layer, path) {
        isFull = true
        return real.adopt(layer, path)
      },
    })
    const imports = await openImports(library, { state, store })
    assert.equal((await imports.import(image))?.import?.state, 'failed')
    assert.equal(imports.seeded.size, 0)
    isFull = false
    const record = await imports.import(image)
    assert.equal(record?.import?.state, 'published')
    assert.equal(imports.seeded.size, 1)
    assert.deepEqual(imports.imports.entries(), [])
    assert.deepEqual(library.reads, [0])
  })

  it('when the credentials are refused in the middle', async () => {
    const library = new MemoryLibrary()
    const image = library.add('one')
    const imports = await openImports(library)
    library.onChunk = (_, offset) => {
      if (offset >= 2 * MIB) throw Object.assign(new Error('refused'), { code: 'SHOAL_KEYSTONE_CREDENTIALS' })
    }
    assert.equal((await imports.import(image))?.import?.state, 'failed')
    library.onChunk = () => {}
    assert.equal((await imports.import(image))?.import?.state, 'published')
    assert.deepEqual(library.reads, [0, 2 * MIB])
  })

  it('when a request comes before the seed has taken up what was under way', async () => {
    const library = new MemoryLibrary()
    const image = library.add('one')
    const first = await openImports(library)
    const reached = gate()
    library.onChunk = async (_, offset) => {
      if (offset < 2 * MIB) return
      reached.open()
      await stopping.opened
    }
    const stopping = gate()
    const importing = first.import(image)
    await reached.opened
    const stopped = first.importer.stop()
    stopping.open()
    await Promise.all([stopped, importing])
    const second = await openImports(library, first)
    await Promise.all([second.import(image), second.importer.resume()])
    assert.equal(second.catalogue.image(image.id)?.import?.state, 'published')
    assert.deepEqual(library.reads, [0, 2 * MIB])
  })

  it('and another image of the same bytes keeps the layer while the first one is removed', async () => {
    const library = new MemoryLibrary()
    const content = diskImage()
    const [first, second] = [library.add('a', content), library.add('b', content)]
    const real = createMemoryLayerStore()
    const reached = gate()
    const removing = gate()
    let adoptions = 0
    const store: LayerStore = override(real, {
      async adopt(layer, path) {
        const stored = await real.adopt(layer, path)
        adoptions += 1
        if (adoptions === 2) {
          reached.open()
          await removing.opened
        }
        return stored
      },
    })
    const imports = await openImports(library, { store })
    const layer = (await imports.import(first))?.layer
    assert.ok(layer)
    const importing = imports.import(second)
    await reached.opened
    const { catalogue, journal, publication } = imports
    const record = catalogue.image(first.id)
    assert.ok(record)
    await journal.append([], [catalogue.putImage({ ...record, deletedAt: '2026-01-02T00:00:00Z' })])
    const settled = publication.settle(layer)
    removing.open()
    await Promise.all([settled, importing])
    assert.equal(catalogue.layer(layer)?.state, 'published')
    assert.ok(real.get(layer)?.isComplete)
  })
})

describe('an import', () => {
  it('that is asked for while its predecessor is being cancelled starts when that has ended', async () => {
    const library = new MemoryLibrary()
    const image = library.add('one')
    const imports = await openImports(library)
    const reached = gate()
    library.onChunk = () => reached.open()
    await imports.know(image)
    await imports.importer.request(image)
    await reached.opened
    const cancelled = imports.importer.cancel(image.id, seedError('SHOAL_IMPORT_CANCELLED', { image: image.id }))
    await imports.importer.request(image)
    await cancelled
    await imports.importer.settled(image.id)
    assert.equal(imports.catalogue.image(image.id)?.import?.state, 'published')
  })

  it('leaves nothing on disk when its image goes away after it has failed', async () => {
    const library = new MemoryLibrary()
    const image = library.add('one')
    const imports = await openImports(library)
    library.onChunk = (_, offset) => {
      if (offset >= 2 * MIB) throw Object.assign(new Error('refused'), { code: 'SHOAL_GLANCE_FORBIDDEN' })
    }
    await imports.import(image)
    const path = imports.store.stagingPath(`${image.id}.part`)
    assert.ok(existsSync(path))
    await imports.importer.drop(image.id, seedError('SHOAL_IMAGE_DELETED', { image: image.id }))
    assert.ok(!existsSync(path))
    assert.deepEqual(imports.imports.entries(), [])
  })

  it('reads nothing when the disk has no room for the image', async () => {
    const library = new MemoryLibrary()
    const image = library.add('large')
    const store = override(createMemoryLayerStore(), {
      usage: async () => ({ allocatedBytes: 0, totalBytes: 0, freeBytes: MIB }),
    })
    const imports = await openImports(library, { store })
    assert.equal((await imports.import(image))?.import?.error?.code, 'SHOAL_IMPORT_NO_SPACE')
    assert.deepEqual(library.reads, [])
  })

  it('counts against the limit what a library without Range sends again', async () => {
    const library = new MemoryLibrary()
    const image = library.add('one')
    let takenBytes = 0
    const unlimited = new TokenBucket(systemClock, { rateBytesPerSecond: Number.POSITIVE_INFINITY })
    const bucket = override(unlimited, {
      take: async (bytes) => {
        takenBytes += bytes
      },
    })
    const imports = await openImports(library, { bucket })
    library.onChunk = (_, offset) => {
      if (offset >= 2 * MIB) throw Object.assign(new Error('refused'), { code: 'SHOAL_GLANCE_FORBIDDEN' })
    }
    await imports.import(image)
    library.onChunk = () => {}
    library.canRange = false
    assert.equal((await imports.import(image))?.import?.state, 'published')
    assert.equal(takenBytes, 6 * MIB)
  })
})
