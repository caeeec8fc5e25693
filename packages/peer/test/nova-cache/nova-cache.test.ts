import { deepEqual, equal, ok } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { composeInChild } from '../../src/compose/compose-process.ts'
import { layeredDisk, qemuImg } from '../compose/layered-disk.ts'
import { publishedLayer, signingKey } from '../layer-fixture.ts'
import { novaNode } from './nova-node.ts'
import { lockAsNova } from './python-lock.ts'

const MIB = 1024 ** 2
const HOUR_MS = 3_600_000
const IMAGE = '0b1d3c4e-6a52-4e0f-9d6e-0c8d5a5f7a11'
const NAME = createHash('sha1').update(IMAGE).digest('hex')
const { privateKey } = signingKey()

/** A node with one image of one raw layer, which is wanted. */
async function oneImage(options: Parameters<typeof novaNode>[0] = {}) {
  const node = await novaNode(options)
  const bytes = Buffer.alloc(MIB, 'a disk ')
  const layer = publishedLayer(privateKey, bytes)
  await node.add(layer)
  const { digest } = layer.manifest
  node.want({ image: IMAGE, layers: [digest] })
  return { node, digest, bytes, path: join(node.basePath, NAME) }
}

/** Stands in for a machine of Nova with a disk above the base. */
async function startMachine(instancesPath: string, base: string): Promise<string> {
  const machine = join(instancesPath, 'vm1')
  await mkdir(machine)
  await qemuImg('create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', base, join(machine, 'disk'))
  return machine
}

for (const format of ['raw', 'qcow2'] as const) {
  test(`base and middle become one flat ${format} file without a backing file, under the name that Nova looks for`, async () => {
    await using node = await novaNode({ format })
    const { base, middle, flat } = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: 4 * MIB })
    await node.add(base, middle)
    const { digest } = middle.manifest
    node.want({ image: IMAGE, layers: [digest] })
    await node.look()
    deepEqual(await node.files(), [NAME])
    const path = join(node.basePath, NAME)
    const original = join(node.directory, 'original')
    await writeFile(original, flat)
    await qemuImg('compare', '-f', format, '-F', 'raw', path, original)
    const info = JSON.parse(await qemuImg('info', '-f', format, '--output=json', path)) as Record<string, unknown>
    equal(info['backing-filename'], undefined)
    equal((await stat(path)).mode & 0o777, 0o644)
    const shown = node.show(IMAGE)
    deepEqual([shown?.state, shown?.format, shown?.layers], ['placed', format, [digest, base.manifest.digest]])
    equal(shown?.totalBytes, flat.length)
    deepEqual(await readdir(join(node.instancesPath, 'locks')), [`nova-${NAME}`])
    equal(node.holds.isHeld(digest), false)
  })
}

test('the first of several disks that is here is taken, and what is not complete is waited for', async () => {
  await using node = await novaNode()
  const [one, other] = [
    publishedLayer(privateKey, Buffer.alloc(MIB, 1)),
    publishedLayer(privateKey, Buffer.alloc(MIB, 2)),
  ]
  node.want({ image: IMAGE, layers: [one.manifest.digest, other.manifest.digest] })
  await node.look()
  equal(node.show(IMAGE)?.state, 'waiting')
  await node.store.create(one)
  await node.look()
  deepEqual([node.show(IMAGE)?.state, node.cache.failures], ['waiting', 0])
  await node.add(other)
  await node.look()
  deepEqual(node.show(IMAGE)?.layers, [other.manifest.digest])
  deepEqual(node.used, [other.manifest.digest])
})

test('a file that Nova has made is neither replaced nor removed, and is kept fresh while it is wanted', async () => {
  const { node, path } = await oneImage()
  await using _ = node
  await writeFile(path, "Nova's own")
  await node.age(path, 20 * HOUR_MS)
  await node.look()
  equal(node.show(IMAGE)?.state, 'foreign')
  equal(await readFile(path, 'utf8'), "Nova's own")
  ok(node.clock.now() - (await stat(path)).mtimeMs < 1000)
  node.want()
  await node.age(path, 20 * HOUR_MS)
  await node.look()
  equal(await readFile(path, 'utf8'), "Nova's own")
  equal(node.show(IMAGE), undefined)
})

test('while Nova downloads the image, or has the lock, nothing is made', async () => {
  const { node, path } = await oneImage()
  await using _ = node
  await writeFile(`${path}.part`, 'half of it')
  await node.look()
  deepEqual([node.show(IMAGE)?.state, await node.files()], ['waiting', [`${NAME}.part`]])
  // Of a download that has died.
  await node.age(`${path}.part`, HOUR_MS)
  {
    await using theirs = await lockAsNova(join(node.instancesPath, 'locks', `nova-${NAME}`))
    equal(theirs.isLocked, true)
    await node.look()
    deepEqual([node.show(IMAGE)?.state, node.cache.failures], ['waiting', 0])
  }
  await node.look()
  equal(node.show(IMAGE)?.state, 'placed')
})

test('Nova is kept out while the file is made, and what came meanwhile all the same stays', async () => {
  const seen: boolean[] = []
  const { node, path } = await oneImage({
    compose: async (job, options) => {
      await using theirs = await lockAsNova(join(job.path, '../../locks', `nova-${NAME}`))
      seen.push(theirs.isLocked)
      // The way that precaching goes takes no lock.
      await writeFile(join(job.path, '..', NAME), 'precached')
      return await composeInChild(job, options)
    },
  })
  await using _ = node
  await node.look()
  deepEqual(seen, [false])
  deepEqual([node.show(IMAGE)?.state, await readFile(path, 'utf8')], ['foreign', 'precached'])
  deepEqual([await node.files(), await node.records.all()], [[NAME], []])
})

test('a lock that cannot be taken keeps nothing from being made, but what is there from being removed', async () => {
  const { node, digest } = await oneImage()
  await using _ = node
  const lock = join(node.instancesPath, 'locks', `nova-${NAME}`)
  await writeFile(lock, 'no lock of Nova is like this. '.repeat(20))
  const other = '7c3b0f0e-9f3d-4c58-8b57-64a1c1a0e7aa'
  await node.look()
  equal(node.show(IMAGE)?.state, 'placed')
  node.want({ image: other, layers: [digest] })
  node.clock.advance(HOUR_MS)
  await node.look()
  deepEqual([node.show(IMAGE)?.state, node.show(IMAGE)?.error?.code], ['leaving', 'SHOAL_NOVA_LOCK'])
  // One that cannot be dealt with holds up no other.
  equal(node.show(other)?.state, 'placed')
  await rm(lock)
  node.clock.advance(HOUR_MS)
  await node.look()
  equal(node.show(IMAGE), undefined)
})

test('a file that Nova removes is noticed; while it is wanted it is made again, later', async () => {
  const { node, path } = await oneImage()
  await using _ = node
  await node.look()
  await rm(path)
  await node.look()
  deepEqual([node.show(IMAGE)?.state, node.cache.lost, await node.records.all()], ['waiting', 1, []])
  node.clock.advance(10_000)
  await node.look()
  equal(node.show(IMAGE)?.state, 'placed')
  node.want()
  await rm(path)
  await node.look()
  deepEqual([node.show(IMAGE), node.cache.lost, await node.files()], [undefined, 2, []])
})

test('it is kept fresh while it is wanted, and not longer', async () => {
  const { node, path } = await oneImage({ removes: false })
  await using _ = node
  await node.look()
  node.clock.advance(HOUR_MS)
  await node.look()
  ok(Math.abs((await stat(path)).mtimeMs - node.clock.now()) < 1000)
  node.want()
  node.clock.advance(HOUR_MS)
  await node.look()
  // Nova does the rest.
  ok(node.clock.now() - (await stat(path)).mtimeMs > HOUR_MS / 2)
  equal(node.show(IMAGE)?.state, 'leaving')
})

test('machines that use it pin its layers, and keep it when it is not wanted any more', async () => {
  const { node, path, digest } = await oneImage()
  await using _ = node
  await node.look()
  const machine = await startMachine(node.instancesPath, path)
  await node.look()
  deepEqual([node.show(IMAGE)?.users, node.holds.owners(digest)], [['machine vm1'], [path]])
  node.want()
  node.clock.advance(HOUR_MS)
  await node.look()
  equal(node.show(IMAGE)?.state, 'leaving')
  equal(node.holds.isHeld(digest), true)
  await rm(machine, { recursive: true })
  await node.look()
  deepEqual([node.show(IMAGE), await node.files(), node.holds.isHeld(digest)], [undefined, [], false])
})

test('what was touched a moment ago stays: a machine may be about to use it', async () => {
  const { node, path } = await oneImage()
  await using _ = node
  await node.look()
  node.want()
  await node.look()
  equal(node.show(IMAGE)?.state, 'leaving')
  node.clock.advance(HOUR_MS)
  await utimes(path, node.clock.now() / 1000, node.clock.now() / 1000)
  await node.look()
  deepEqual(await node.files(), [NAME])
  node.clock.advance(HOUR_MS)
  await using theirs = await lockAsNova(join(node.instancesPath, 'locks', `nova-${NAME}`))
  equal(theirs.isLocked, true)
  await node.look()
  deepEqual(await node.files(), [NAME])
})

test('a withdrawn image goes even where Nova evicts, and its layers are not held for machines that still run', async () => {
  const { node, path, digest } = await oneImage({ removes: false })
  await using _ = node
  await node.look()
  const machine = await startMachine(node.instancesPath, path)
  await node.look()
  equal(node.holds.isHeld(digest), true)
  node.withdrawn.add(digest)
  node.want()
  node.clock.advance(HOUR_MS)
  await node.look()
  deepEqual([node.holds.isHeld(digest), await node.files()], [false, [NAME]])
  await rm(machine, { recursive: true })
  await node.look()
  deepEqual(await node.files(), [])
})

test('with a disk that cannot be read nothing is removed', async () => {
  const { node } = await oneImage()
  await using _ = node
  await node.look()
  await mkdir(join(node.instancesPath, 'vm1/disk'), { recursive: true })
  node.want()
  node.clock.advance(HOUR_MS)
  await node.look()
  deepEqual([node.show(IMAGE)?.state, await node.files()], ['leaving', [NAME]])
})

test('a restart knows what is ours, removes what was being written, and waits for a word of the seed', async () => {
  const { node, path } = await oneImage()
  await using _ = node
  await node.look()
  const [left, other] = [node.bases.temporaryPath(), join(node.basePath, '.shoal-base-00000000-12345678')]
  await writeFile(left, 'half')
  await writeFile(other, "another node's")
  await node.restart()
  deepEqual(await node.files(), [NAME, '.shoal-base-00000000-12345678'].sort())
  node.clock.advance(HOUR_MS)
  await node.look()
  deepEqual([node.show(IMAGE)?.state, node.show(IMAGE)?.totalBytes], ['leaving', MIB])
  // An older seed does not tell images.
  node.cache.setImages(undefined)
  await node.look()
  ok((await node.files()).includes(NAME))
  node.want({ image: IMAGE, layers: [node.show(IMAGE)?.layers[0] ?? ''] })
  await node.look()
  equal(node.show(IMAGE)?.state, 'placed')
  await rm(path)
  await writeFile(path, 'of somebody else')
  await node.restart()
  node.want()
  await node.look()
  equal(await readFile(path, 'utf8'), 'of somebody else')
})

test('a crash between record and name leaves nothing that is taken for ours', async () => {
  const { node, digest } = await oneImage()
  await using _ = node
  const placedAt = '2026-01-01T00:00:00.000Z'
  await node.records.save({
    image: IMAGE,
    name: NAME,
    identity: '1-1',
    format: 'raw',
    layers: [digest],
    virtualSizeBytes: MIB,
    placedAt,
  })
  await node.restart()
  node.want({ image: IMAGE, layers: [digest] })
  await node.look()
  node.clock.advance(10_000)
  await node.look()
  equal(node.show(IMAGE)?.state, 'placed')
  equal((await node.records.all())[0]?.identity === '1-1', false)
})

test('what fails is told with its code, tried again later, and leaves nothing behind', async () => {
  let fails = true
  const { node } = await oneImage({
    compose: (job, options) => {
      if (!fails) return composeInChild(job, options)
      return Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' }))
    },
  })
  await using _ = node
  await node.look()
  deepEqual([node.show(IMAGE)?.state, node.show(IMAGE)?.error?.code], ['failed', 'SHOAL_COMPOSE_NO_SPACE'])
  fails = false
  await node.look()
  equal(node.show(IMAGE)?.state, 'failed')
  node.clock.set(node.clock.now() - HOUR_MS)
  node.clock.advance(60_000)
  await node.look()
  deepEqual([node.show(IMAGE)?.state, node.show(IMAGE)?.error, node.cache.failures], ['placed', null, 1])
})

test('without the directories of Nova nothing is done, until they are there', async () => {
  const { node } = await oneImage()
  await using _ = node
  await rm(join(node.instancesPath, 'locks'), { recursive: true })
  await node.look()
  deepEqual([node.show(IMAGE)?.state, await node.files()], ['waiting', []])
  await mkdir(join(node.instancesPath, 'locks'))
  await node.look()
  equal(node.show(IMAGE)?.state, 'placed')
})

test('it works by itself: a change wakes it, and so does a file that goes', async () => {
  const { node, path } = await oneImage()
  await using _ = node
  const stop = new AbortController()
  const ended = node.cache.run({ signal: stop.signal }).catch(() => {})
  const until = async (isSo: () => boolean) => {
    for (const end = Date.now() + 20_000; !isSo(); ) {
      ok(Date.now() < end, 'waited for too long')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  await until(() => node.show(IMAGE)?.state === 'placed')
  node.want()
  await rm(path)
  // The clock stands still: only the news of it can wake it.
  await until(() => node.show(IMAGE) === undefined)
  stop.abort()
  await ended
})
