import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  access,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { digestHex, type Logger, silentLogger, systemClock } from '@shoal/core'
import { createLayerStore, type LayerStore, type LayerStoreOptions, type StoredLayer } from '@shoal/layer-store'
import { createMemoryState, openLevelState, type StateStore } from '@shoal/state'
import { layerFixture } from './layer-fixture.ts'

const fixture = layerFixture()
const { digest, sizeBytes } = fixture.manifest

describe('a layer store that finds its files changed', () => {
  let directory: string
  let state: StateStore
  let store: LayerStore
  let logged: string[]

  const logger: Logger = {
    ...silentLogger,
    warn: (_, message) => logged.push(message),
    error: (fields) => logged.push(String(fields.code)),
  }
  const reopen = async (options: Partial<LayerStoreOptions> = {}): Promise<StoredLayer | undefined> => {
    await store?.close()
    store = createLayerStore({ state, logger, clock: systemClock }, { directory, ...options })
    await store.open()
    return store.get(digest)
  }
  const layerPath = (name = '') => join(directory, 'layers', digestHex(digest), name)

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shoal-recovery-'))
    state = createMemoryState()
    logged = []
    await reopen()
    const layer = await store.create(fixture)
    await layer.writeBlocks(0, fixture.block(0, 5))
  })
  afterEach(async () => {
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })

  test('an untouched layer comes back as it was', async () => {
    const layer = await reopen()
    assert.deepEqual(layer?.manifest, { ...fixture.manifest, blockHashes: Buffer.from(fixture.manifest.blockHashes) })
    assert.deepEqual(Buffer.from(layer.encodedManifest), Buffer.from(fixture.encodedManifest))
    assert.deepEqual(Buffer.from(layer.torrent), Buffer.from(fixture.torrent))
    assert.deepEqual([...layer.present.ones()], [0, 1, 2, 3, 4])
    assert.equal(layer.durableBlocks, 5)
    assert.deepEqual(await layer.read(0, 5 * 4096), fixture.block(0, 5))
    assert.deepEqual(logged, [])
  })

  const damages: Record<string, () => Promise<void>> = {
    missing: () => unlink(layerPath('disk')),
    truncated: () => truncate(layerPath('disk'), 5 * 4096 - 1),
    longer: () => truncate(layerPath('disk'), sizeBytes + 1),
    replaced: async () => {
      await writeFile(layerPath('other'), fixture.content)
      await rename(layerPath('other'), layerPath('disk'))
    },
  }
  for (const [what, damage] of Object.entries(damages)) {
    test(`a layer file that is ${what} counts for nothing and is filled again`, async () => {
      await store.close()
      await damage()
      const layer = await reopen()
      assert.equal(layer?.present.count, 0)
      assert.equal(layer.durableBlocks, 0)
      assert.equal(logged.length, 1)
      await layer.writeBlocks(0, fixture.content)
      const again = await reopen()
      assert.equal(again?.isComplete, true)
      assert.equal((await again.verify()).digestMatches, true)
      assert.equal(logged.length, 1)
    })
  }

  test('a layer file that ends behind its last present block is set to its length and loses nothing', async () => {
    await store.close()
    await truncate(layerPath('disk'), 5 * 4096)
    const layer = await reopen()
    assert.deepEqual([...(layer?.present.ones() ?? [])], [0, 1, 2, 3, 4])
    assert.deepEqual(await layer?.read(0, 5 * 4096), fixture.block(0, 5))
    assert.equal((await stat(layerPath('disk'))).size, sizeBytes)
    await layer?.writeBlocks(0, fixture.content)
    assert.equal((await layer?.verify())?.digestMatches, true)
    assert.deepEqual(logged, [])
  })

  test('what lies behind the last present block takes no space after open, holes before it stay', async () => {
    const file = await open(layerPath('disk'), 'r+')
    await file.write(fixture.block(7, 9), 0, 2 * 4096, 7 * 4096)
    await file.close()
    const layer = await reopen()
    assert.equal((await stat(layerPath('disk'))).blocks * 512, 5 * 4096)
    await layer?.writeBlocks(8, fixture.block(8))
    await layer?.flush()
    await reopen()
    assert.equal((await stat(layerPath('disk'))).blocks * 512, 6 * 4096)
    assert.deepEqual(logged, [])
  })

  for (const name of ['manifest', 'hashes', 'torrent']) {
    test(`a layer whose ${name} file is damaged or missing is removed and can be created anew`, async () => {
      for (const damage of [() => writeFile(layerPath(name), 'nonsense'), () => unlink(layerPath(name))]) {
        await store.close()
        await damage()
        assert.equal(await reopen(), undefined)
        await assert.rejects(() => access(layerPath()), { code: 'ENOENT' })
        assert.equal((await store.create(fixture)).present.count, 0)
      }
    })
  }

  test('verify finds a block that rotted, drops it durably, and it can be written again', async () => {
    const file = await open(layerPath('disk'), 'r+')
    await file.write(Buffer.from([1, 2, 3]), 0, 3, 2 * 4096 + 5)
    await file.close()
    let layer = await reopen()
    // It is in a buffer, read before anybody knew.
    for (const block of [2, 3]) (await layer?.readBlock(block))?.release()
    assert.deepEqual(await layer?.verify(), { checkedBlocks: 5, badBlocks: [2], digestMatches: null })
    assert.equal(layer?.durableBlocks, 4)
    await assert.rejects(async () => layer?.read(2 * 4096, 1), { code: 'SHOAL_STORE_BLOCK_ABSENT' })
    await assert.rejects(async () => layer?.readBlock(2), { code: 'SHOAL_STORE_BLOCK_ABSENT' })
    layer = await reopen()
    assert.deepEqual([...(layer?.present.ones() ?? [])], [0, 1, 3, 4])
    await layer?.writeBlocks(0, fixture.content)
    assert.equal((await layer?.verify())?.digestMatches, true)
  })

  test('verify drops all blocks of a file that vanished, and the layer goes on with a new one', async () => {
    const layer = await reopen()
    await unlink(layerPath('disk'))
    assert.deepEqual((await layer?.verify())?.badBlocks, [0, 1, 2, 3, 4])
    assert.equal(layer?.present.count, 0)
    await layer.writeBlocks(0, fixture.content)
    assert.equal((await reopen())?.isComplete, true)
    assert.deepEqual(await readFile(layerPath('disk')), fixture.content)
  })

  test('a read from a file truncated meanwhile is an I/O error, not wrong bytes', async () => {
    const layer = await reopen()
    await truncate(layerPath('disk'), 4096)
    await assert.rejects(async () => layer?.read(4096, 4096), { code: 'SHOAL_STORE_IO' })
    assert.deepEqual((await layer?.verify())?.badBlocks, [1, 2, 3, 4])
  })

  test('what is in the layer directory without a record is reported and left alone', async () => {
    const other = layerFixture({ seed: 2 })
    const path = join(directory, 'layers', digestHex(other.manifest.digest))
    await writeFile(join(directory, 'layers', 'notes.txt'), 'mine')
    await mkdir(path)
    await writeFile(join(path, 'disk'), 'mine')
    await reopen()
    assert.deepEqual(store.foreign().sort(), [path, join(directory, 'layers', 'notes.txt')].sort())
    await assert.rejects(() => store.create(other), { code: 'SHOAL_STORE_FOREIGN_FILE' })
    await writeFile(store.stagingPath('staged'), other.content)
    await assert.rejects(() => store.adopt(other, store.stagingPath('staged')), { code: 'SHOAL_STORE_FOREIGN_FILE' })
    await reopen()
    assert.equal(await readFile(join(path, 'disk'), 'utf8'), 'mine')
    assert.deepEqual(await readFile(store.stagingPath('staged')), other.content)
    await rm(path, { recursive: true })
    assert.equal((await store.adopt(other, store.stagingPath('staged'))).isComplete, true)
  })

  test('a link in place of a layer file is not followed, and the other layers are served', async () => {
    const other = layerFixture({ seed: 2 })
    await store.create(other)
    await store.close()
    await writeFile(join(directory, 'victim'), 'precious')
    await unlink(layerPath('disk'))
    await symlink(join(directory, 'victim'), layerPath('disk'))
    assert.equal(await reopen(), undefined)
    assert.deepEqual(logged, ['SHOAL_STORE_FOREIGN_FILE'])
    assert.ok(store.get(other.manifest.digest))
    await assert.rejects(() => store.create(fixture), { code: 'SHOAL_STORE_FOREIGN_FILE' })
    assert.equal(await readFile(join(directory, 'victim'), 'utf8'), 'precious')
  })

  test('a foreign file in a layer directory survives the removal of the layer', async () => {
    await writeFile(layerPath('notes.txt'), 'mine')
    await store.remove(digest)
    assert.equal(await readFile(layerPath('notes.txt'), 'utf8'), 'mine')
    await assert.rejects(() => access(layerPath('disk')), { code: 'ENOENT' })
    await reopen()
    assert.deepEqual(store.foreign(), [layerPath()])
  })

  test('a record that this version did not write is left alone, and the others are served', async () => {
    const [entry] = await records()
    assert.ok(entry)
    await store.close()
    await state.put(entry.key, { ...entry.value, version: 2 })
    assert.equal(await reopen(), undefined)
    assert.deepEqual(logged, ['SHOAL_STORE_FOREIGN_FILE'])
    await access(layerPath('disk'))
    await state.put(entry.key, entry.value)
    assert.equal((await reopen())?.present.count, 5)
  })

  test('an adoption cut after the rename is completed by open, one cut before is undone', async () => {
    const [entry] = await records()
    assert.ok(entry)
    await store.close()
    const staged = store.stagingPath('staged')
    await writeFile(staged, fixture.content)
    const inode = execFileSync('stat', ['-c', '%i', staged], { encoding: 'utf8' }).trim()
    await state.put(entry.key, { ...entry.value, stagedInode: inode })
    assert.equal((await reopen())?.present.count, 5)
    await store.close()
    await state.put(entry.key, { ...entry.value, stagedInode: inode })
    await rename(staged, layerPath('disk'))
    const layer = await reopen()
    assert.equal(layer?.isComplete, true)
    assert.equal((await layer.verify()).digestMatches, true)
    assert.deepEqual(logged, [])
  })

  test('layers that cannot be opened count as used, what is foreign does not, and no link is followed', async () => {
    await store.get(digest)?.flush()
    const { allocatedBytes } = await store.usage()
    const path = join(directory, 'layers', 'notes')
    await mkdir(path)
    await writeFile(join(path, 'disk'), Buffer.alloc(100_000), { flush: true })
    const [entry] = await records()
    assert.ok(entry)
    await reopen()
    assert.equal((await store.usage()).allocatedBytes, allocatedBytes)
    await store.close()
    await state.put(entry.key, { ...entry.value, version: 2 })
    assert.equal(await reopen(), undefined)
    assert.equal((await store.usage()).allocatedBytes, allocatedBytes)
    await symlink(join(path, 'disk'), store.stagingPath('link'))
    assert.deepEqual(await store.staged(), [])
    assert.ok((await store.usage()).allocatedBytes < allocatedBytes + 100_000)
  })

  test('a directory that cannot be made is a coded error', async () => {
    await writeFile(join(directory, 'file'), '')
    const blocked = createLayerStore({ state, logger, clock: systemClock }, { directory: join(directory, 'file') })
    await assert.rejects(() => blocked.open(), { code: 'SHOAL_STORE_IO' })
    await blocked.close()
  })

  async function records(): Promise<{ key: string; value: Record<string, unknown> }[]> {
    const found: { key: string; value: Record<string, unknown> }[] = []
    const prefix = 'layer-store/layer/'
    for await (const entry of state.range<Record<string, unknown>>({ prefix })) found.push(entry)
    return found
  }
})

describe('a layer store on a full disk', () => {
  const skip = process.getuid?.() === 0 ? false : 'mounting a small file system needs root'

  test('refuses with a code, keeps what is durable, and goes on once space is freed', { skip }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'shoal-full-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory])
    try {
      const big = layerFixture({ sizeBytes: 1 << 20, blockLengthBytes: 65_536 })
      await using state = await openLevelState(join(directory, 'state'))
      await using store = createLayerStore({ state, logger: silentLogger, clock: systemClock }, { directory })
      await store.open()
      const layer = await store.create(big)
      await layer.writeBlocks(0, big.block(0, 2))
      await layer.flush()
      // More than there is room for, so that what is left is nothing at all.
      await writeFile(join(directory, 'ballast'), Buffer.alloc(2 << 20)).catch(() => {})
      const noSpace = { code: 'SHOAL_STORE_NO_SPACE' }
      await assert.rejects(() => layer.writeBlocks(2, big.block(2, 16)), noSpace)
      assert.equal(layer.present.count, 2)
      await assert.rejects(() => store.create(layerFixture({ seed: 9, sizeBytes: 100_000 })), noSpace)
      assert.deepEqual(await layer.read(0, 2 * 65_536), big.block(0, 2))
      assert.deepEqual((await layer.verify()).badBlocks, [])
      await rm(join(directory, 'ballast'))
      await layer.writeBlocks(2, big.block(2, 16))
      await layer.flush()
      assert.equal(layer.durableBlocks, 16)
      assert.equal((await layer.verify()).digestMatches, true)
      await store.create(layerFixture({ seed: 9, sizeBytes: 100_000 }))
    } finally {
      execFileSync('umount', [directory])
      await rm(directory, { recursive: true, force: true })
    }
  })
})
