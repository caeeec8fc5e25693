import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger, systemClock } from '@shoal/core'
import { Sketch } from '@shoal/qcow2'
import { BaseChoice } from '../../src/layers/base-choice.ts'
import type { LayerResults, LayerTask } from '../../src/layers/layer-task.ts'
import type { LayerWorker } from '../../src/layers/layer-worker.ts'
import { Layerings } from '../../src/layers/layerings.ts'
import { diskImage, MemoryLibrary, openImports, privateKey } from '../imports/import-fixture.ts'

type Answers = { [T in LayerTask['type']]: LayerResults[T] }

/** A worker that answers what a test says, and never looks at a disk. */
function answering(answers: Answers): Pick<LayerWorker, 'run' | typeof Symbol.asyncDispose> {
  return {
    run: async (task) => answers[task.type] as never,
    [Symbol.asyncDispose]: async () => {},
  }
}

async function layerings(answers: Partial<Answers>, change: { owner?: string; visibility?: string } = {}) {
  const library = new MemoryLibrary()
  const imports = await openImports(library)
  const base = await imports.import(library.add('base'))
  const { id } = library.add('flat', diskImage(5 * 1024 * 1024))
  library.change(id, { owner: 'me' })
  const flat = library.images.get(id)
  assert.ok(flat !== undefined)
  await imports.import(flat)
  const baseImage = base?.image
  assert.ok(baseImage !== undefined)
  await imports.know({ ...baseImage, ...change })
  const { catalogue, store, state, journal, publication } = imports
  const sketch = new Sketch(new Map([[1, 1n]])).encode()
  const tally = { dataClusters: 1, zeroClusters: 0, sharedClusters: 1 }
  const write = { sizeBytes: 1000, ...tally, freeBytes: 0, bootBytes: 0 }
  const made = new Layerings(
    {
      ...{ catalogue, store, journal, clock: systemClock, logger: silentLogger },
      bases: new BaseChoice({ catalogue, store, state }),
      publisher: publication,
      startWorker: () => answering({ sketch, write, compare: null, 'guest-digest': '', 'boot-trace': [], ...answers }),
    },
    {
      ...{ automatic: true, minimumSaving: 0.25, queueLength: 1, privateKey: () => privateKey, announce: () => [] },
      format: { clusterBits: 16, compression: 'none', level: 0 },
    },
  )
  const record = catalogue.image(id)
  assert.ok(record !== undefined)
  return {
    request: async () => {
      await made.request(record, {})
      await made.settled(id)
      return catalogue.image(id)
    },
    layers: () => catalogue.layers().length,
  }
}

test('a middle that does not show the image together with its base is not published', async () => {
  const { request, layers } = await layerings({ compare: 4096 })
  const record = await request()
  assert.equal(record?.layering?.state, 'failed')
  assert.equal(record.layering.error?.code, 'SHOAL_LAYERING_DIFFERS')
  assert.equal(record.layering.error.details.offset, 4096)
  assert.equal(record.chain, null)
  assert.equal(layers(), 2)
})

test("a private image of another project is nobody else's base", async () => {
  const mine = await layerings({ compare: 4096 }, { visibility: 'private', owner: 'me' })
  assert.equal((await mine.request())?.layering?.error?.code, 'SHOAL_LAYERING_DIFFERS')
  const theirs = await layerings({}, { visibility: 'private', owner: 'somebody else' })
  const record = await theirs.request()
  assert.equal(record?.layering?.state, 'kept-flat')
  assert.equal(record.layering.base, null)
})
