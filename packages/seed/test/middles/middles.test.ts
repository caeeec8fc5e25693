import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { silentLogger, systemClock } from '@shoal/core'
import { createLayerStore, type LayerStore } from '@shoal/layer-store'
import { middleProperties } from '@shoal/openstack'
import { readHeader } from '@shoal/qcow2'
import { createMemoryState } from '@shoal/state'
import { seedError } from '../../src/errors.ts'
import type { LayerWorker } from '../../src/layers/layer-worker.ts'
import { Middles } from '../../src/middles/middles.ts'
import { strippedHead, writeHead } from '../../src/middles/stripped-head.ts'
import { diskImage, MemoryLibrary, openImports } from '../imports/import-fixture.ts'
import { makeOverlay } from './overlay.ts'

interface TestLike {
  after(fn: () => Promise<void>): void
}

async function tempDirectory(t: TestLike): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-middles-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Imports over files, since the proof reads files. */
async function openOnDisk(t: TestLike, library: MemoryLibrary, change: (store: LayerStore) => LayerStore = (it) => it) {
  const directory = join(await tempDirectory(t), 'layers')
  const state = createMemoryState()
  const store = change(createLayerStore({ state, logger: silentLogger, clock: systemClock }, { directory }))
  t.after(() => store.close())
  return openImports(library, { state, store })
}

describe('the proof of a middle', () => {
  it('ends with its signal, and its process with it', async (t) => {
    const library = new MemoryLibrary()
    const imports = await openOnDisk(t, library)
    const record = await imports.import(library.add('base'))
    const base = imports.store.get(record?.layer ?? 'sha256:')
    assert.ok(base)
    let isDisposed = false
    const worker: Pick<LayerWorker, 'run' | typeof Symbol.asyncDispose> = {
      run: (_task, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      [Symbol.asyncDispose]: async () => {
        isDisposed = true
      },
    }
    const { catalogue, store } = imports
    const middles = new Middles({ catalogue, store, startWorker: () => worker })
    const controller = new AbortController()
    const { virtualSizeBytes } = base.manifest
    const options = { path: '/nowhere', virtualSizeBytes, signal: controller.signal }
    const proving = middles.prove('image', { base, guestDigest: 'ab'.repeat(32) }, options)
    controller.abort(new Error('enough'))
    await assert.rejects(proving, { message: 'enough' })
    assert.equal(isDisposed, true)
  })

  it('outlives a disk that fails after the header was rewritten: it is read again, and published', async (t) => {
    const content = diskImage()
    const overlay = await makeOverlay(content)
    const library = new MemoryLibrary()
    const base = library.add('base', content)
    const middle = library.add('middle', overlay.named)
    let failures = 1
    const imports = await openOnDisk(t, library, (real) =>
      override(real, {
        async adopt(layer, path) {
          if (layer.manifest.kind === 'middle' && failures-- > 0) throw seedError('SHOAL_IMPORT_IO', { reason: 'test' })
          return real.adopt(layer, path)
        },
      }),
    )
    const parent = (await imports.import(base))?.layer
    assert.ok(parent)
    const { guestDigest } = overlay
    const properties = middleProperties({ parent, parentImage: base.id, guestDigest })
    library.change(middle.id, { diskFormat: 'qcow2', properties })
    const described = library.images.get(middle.id) ?? middle
    assert.equal((await imports.import(described))?.import?.error?.code, 'SHOAL_IMPORT_IO')
    const record = await imports.import(described)
    assert.equal(record?.import?.state, 'published', record?.import?.error?.message)
    assert.deepEqual(record.chain, [parent, record.layer])
    // Kept bytes that no longer have Glance's hash are not trusted.
    assert.equal(library.reads.length, 3)
  })
})

describe('the head of a file without a backing name', () => {
  it('is undefined when there is no name, and otherwise opens as the same image', async (t) => {
    const { named, stripped } = await makeOverlay(diskImage())
    const inMemory = (bytes: Buffer) => ({
      sizeBytes: bytes.length,
      read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
    })
    assert.equal(await strippedHead(inMemory(stripped)), undefined)
    const head = await strippedHead(inMemory(named))
    assert.ok(head)
    const { backingName: before, extensions: _, ...kept } = readHeader(named)
    const { backingName: after, extensions: __, ...now } = readHeader(head)
    assert.deepEqual([before !== undefined, after, now], [true, undefined, kept])
    const path = join(await tempDirectory(t), 'file')
    await writeFile(path, named)
    await writeHead(path, head)
    const written = await readFile(path)
    assert.equal(written.length, named.length)
    assert.ok(written.subarray(head.length).equals(named.subarray(head.length)))
    assert.ok(written.subarray(0, head.length).equals(head))
  })
})

/** The same object with some methods replaced. */
function override<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(of, key) {
      const value: unknown = Reflect.get(Object.hasOwn(methods, key) ? methods : of, key)
      return typeof value === 'function' ? value.bind(of) : value
    },
  })
}
