import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { silentLogger, systemClock } from '@shoal/core'
import { createLayerStore } from '@shoal/layer-store'
import { createMemoryState, openLevelState } from '@shoal/state'
import { layerStoreConformance } from './conformance.ts'

let directory: string
let count = 0

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shoal-store-'))
})
after(async () => {
  await rm(directory, { recursive: true, force: true })
})

const deps = { logger: silentLogger, clock: systemClock }

layerStoreConformance('disk, records in memory', async () =>
  createLayerStore({ ...deps, state: createMemoryState() }, { directory: join(directory, String(count++)) }),
)

layerStoreConformance('disk, records in Level', async () => {
  const root = join(directory, String(count++))
  const state = await openLevelState(join(root, 'state'))
  const store = createLayerStore({ ...deps, state }, { directory: root })
  const { close } = store
  // The suite knows of no state store: this one goes with its layer store.
  store.close = async () => {
    await close.call(store)
    await state.close()
  }
  return store
})
