import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Digest, ManualClock, silentLogger, systemClock } from '@shoal/core'
import { createLayerStore, type StoredLayer } from '@shoal/layer-store'
import { createMemoryState } from '@shoal/state'
import { type ComposeDisk, composeInChild } from '../../src/compose/compose-process.ts'
import { LayerHolds } from '../../src/layer-holds.ts'
import { BaseDirectory } from '../../src/nova-cache/base-directory.ts'
import { BaseRecords } from '../../src/nova-cache/base-records.ts'
import { findBaseUsers } from '../../src/nova-cache/base-users.ts'
import { NovaCache, type NovaCacheDeps } from '../../src/nova-cache/nova-cache.ts'
import type { LayerFixture } from '../layer-fixture.ts'

export interface NovaNodeOptions {
  readonly format?: 'raw' | 'qcow2'
  readonly removes?: boolean
  readonly compose?: ComposeDisk
  readonly findUsers?: NovaCacheDeps['findUsers']
}

/** What looks after Nova's image cache, over a real store, in a directory of its own; its clock begins with now. */
export async function novaNode(options: NovaNodeOptions = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-nova-'))
  const instancesPath = join(directory, 'instances')
  for (const name of ['_base', 'locks']) await mkdir(join(instancesPath, name), { recursive: true })
  const state = createMemoryState()
  const store = createLayerStore(
    { state, logger: silentLogger, clock: systemClock },
    { directory: join(directory, 'layers') },
  )
  await store.open()
  const clock = new ManualClock(Date.now())
  const withdrawn = new Set<Digest>()
  const used: Digest[] = []
  const records = new BaseRecords(state)
  const never = new AbortController()
  const open = async () => {
    const holds = new LayerHolds()
    const bases = new BaseDirectory({ instancesPath, subdirectory: '_base', mode: 0o644, owner: {}, node: 'node1' })
    const shared = { store, holds, records, clock, random: () => 1, logger: silentLogger, directory: bases }
    const cache = new NovaCache(
      {
        ...shared,
        isWithdrawn: (digest) => withdrawn.has(digest),
        compose: options.compose ?? composeInChild,
        reserve: async () => ({ end: () => {} }),
        findUsers: options.findUsers ?? ((paths, { signal }) => findBaseUsers(instancesPath, paths, { signal })),
        onUse: ({ manifest }: StoredLayer) => void used.push(manifest.digest),
      },
      { format: options.format ?? 'raw', removes: options.removes ?? true },
    )
    await cache.open()
    return { cache, holds, bases }
  }
  let running = await open()
  return {
    ...{ directory, instancesPath, basePath: join(instancesPath, '_base'), store, clock, withdrawn, used, records },
    get cache() {
      return running.cache
    },
    get holds() {
      return running.holds
    },
    get bases() {
      return running.bases
    },
    restart: async () => {
      running = await open()
    },
    add: async (...layers: LayerFixture[]) => {
      for (const layer of layers) await (await store.create(layer)).writeBlocks(0, layer.data)
    },
    want: (...images: { image: string; layers: string[] }[]) => running.cache.setImages(images),
    look: () => running.cache.look(never),
    /** What is known of an image's file. */
    show: (image: string) => running.cache.list().find((base) => base.image === image),
    /** Names among the base files, hidden ones too. */
    files: async () => (await readdir(join(instancesPath, '_base'))).sort(),
    /** Makes a file look as if nobody had touched it for so long. */
    age: async (path: string, ms: number) => {
      const at = (clock.now() - ms) / 1000
      await utimes(path, at, at)
    },
    [Symbol.asyncDispose]: async () => {
      await store.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
