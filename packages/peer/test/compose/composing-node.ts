import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ComposeRequest, Composition } from '@shoal/api'
import { type Digest, silentLogger, systemClock } from '@shoal/core'
import { createLayerStore, type StoredLayer } from '@shoal/layer-store'
import { createMemoryState } from '@shoal/state'
import { type ComposeDisk, composeInChild } from '../../src/compose/compose-process.ts'
import { CompositionRecords } from '../../src/compose/composition-records.ts'
import { Compositions, type CompositionsDeps } from '../../src/compose/compositions.ts'
import { DiskDirectory } from '../../src/compose/disk-directory.ts'
import { LayerHolds } from '../../src/layer-holds.ts'
import type { LayerFixture } from '../layer-fixture.ts'
import { eventually } from '../peer-fixture.ts'

/** What composes on a node, over a real store in a directory of its own. `compose` stands in for the child. */
export async function composingNode(
  options: { parent?: string; compose?: ComposeDisk; reserve?: CompositionsDeps['reserve'] } = {},
) {
  const directory = await mkdtemp(join(options.parent ?? tmpdir(), 'shoal-compose-'))
  const state = createMemoryState()
  const store = createLayerStore(
    { state, logger: silentLogger, clock: systemClock },
    { directory: join(directory, 'layers') },
  )
  await store.open()
  const disksPath = join(directory, 'disks')
  const withdrawn = new Set<Digest>()
  const used: Digest[] = []
  const records = new CompositionRecords(state)
  const open = async (compose = options.compose ?? composeInChild) => {
    const holds = new LayerHolds()
    const disks = new DiskDirectory(disksPath)
    const isWithdrawn = (digest: Digest) => withdrawn.has(digest)
    const reserve = options.reserve ?? (async () => ({ end: () => {} }))
    const onUse = ({ manifest }: StoredLayer) => void used.push(manifest.digest)
    const shared = { store, holds, isWithdrawn, records, disks, compose, reserve, onUse }
    const compositions = new Compositions({ ...shared, clock: systemClock, logger: silentLogger })
    await compositions.open()
    compositions.start()
    return { holds, compositions }
  }
  let running = await open()
  return {
    directory,
    disksPath,
    store,
    withdrawn,
    used,
    records,
    get holds() {
      return running.holds
    },
    get compositions() {
      return running.compositions
    },
    /** A restart of the daemon. */
    restart: async (compose?: ComposeDisk) => {
      await running.compositions[Symbol.asyncDispose]()
      running = await open(compose)
    },
    add: async (...layers: LayerFixture[]) => {
      for (const layer of layers) await (await store.create(layer)).writeBlocks(0, layer.data)
    },
    /** Asks for a disk and waits for its end. */
    compose: async (name: string, request: ComposeRequest): Promise<Composition> => {
      await running.compositions.request(name, request)
      return ended(running.compositions, name)
    },
    /** Names of the files among the disks, hidden ones too. */
    files: async () => (await readdir(disksPath)).sort(),
    [Symbol.asyncDispose]: async () => {
      await running.compositions[Symbol.asyncDispose]()
      await store.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Waits until a composition has ended, well or not. */
export function ended(compositions: Compositions, name: string): Promise<Composition> {
  return eventually(
    () => {
      const composition = compositions.show(name)
      return composition.state === 'queued' || composition.state === 'composing' ? undefined : composition
    },
    { what: `the end of ${name}`, timeoutMs: 60_000 },
  )
}
