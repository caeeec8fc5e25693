import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { link, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { silentLogger, systemClock } from '@shoal/core'
import { createLayerStore } from '@shoal/layer-store'
import { createMemoryState } from '@shoal/state'
import { isOnSameFileSystem, NodeStock } from '../../src/cache/node-stock.ts'
import { layerFixture, signingKey } from '../layer-fixture.ts'
import { testDirectory } from '../peer-fixture.ts'

const { privateKey } = signingKey()

test('layers, staged files and composed disks are counted as du counts them, a file with two names once', async () => {
  await using directory = await testDirectory()
  const layersPath = join(directory.path, 'layers')
  await using store = createLayerStore(
    { state: createMemoryState(), logger: silentLogger, clock: systemClock },
    { directory: layersPath },
  )
  await store.open()
  const one = layerFixture(privateKey, { sizeBytes: 3_000_000 })
  await (await store.create(one)).writeBlocks(0, one.data)
  await (await store.create(layerFixture(privateKey, { sizeBytes: 2_000_000 }))).flush()
  await writeFile(store.stagingPath('half'), Buffer.alloc(200_000, 1))
  const [disk, again] = [join(directory.path, 'disk'), join(directory.path, 'again')]
  await writeFile(disk, Buffer.alloc(500_000, 1))
  await link(disk, again)
  const disks = () => [disk, again, join(directory.path, 'gone')]
  const deps = { store, disks, bootBytes: () => 0, evict: async () => 0 }
  const stock = new NodeStock(deps, { directory: layersPath })
  const [layers, others] = [await stock.layers(), await stock.others()]
  const counted = [...layers, ...others].reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0)
  const held = store.layers().map(({ path }) => dirname(path))
  const du = execFileSync('du', ['-B1', '-s', '-c', ...held, store.stagingPath('half'), disk, again], {
    encoding: 'utf8',
  })
  equal(counted, Number(du.trim().split('\n').at(-1)?.split('\t')[0]))
  deepEqual(layers.map(({ isComplete }) => isComplete).sort(), [false, true])
  const { freeBytes, totalBytes } = await stock.space()
  ok(freeBytes > 0 && freeBytes <= totalBytes)
})

test('only what is on the file system of the layers takes room from them', async () => {
  await using directory = await testDirectory()
  equal(await isOnSameFileSystem(join(directory.path, 'disk'), directory.path), true)
  equal(await isOnSameFileSystem('/proc/disk', directory.path), false)
})
