import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { lstat, mkdir, readFile, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { errorFactory } from '@shoal/core'
import type { ComposedFile, ComposeJob } from '../../src/compose/compose-job.ts'
import type { ComposeDisk, ComposeOptions } from '../../src/compose/compose-process.ts'
import { composeInChild } from '../../src/compose/compose-process.ts'
import { createDiskFile } from '../../src/compose/disk-file.ts'
import { publishedLayer, signingKey } from '../layer-fixture.ts'
import { eventually } from '../peer-fixture.ts'
import { composingNode, ended } from './composing-node.ts'
import { largeBase, layeredDisk, qemuImg } from './layered-disk.ts'
import { composingProcesses } from './processes.ts'

const MIB = 1024 ** 2
const { privateKey } = signingKey()

/** Stands in for the child: makes an empty disk once it is let go. */
function heldCompose() {
  const begun = Promise.withResolvers<ComposeJob>()
  const gate = Promise.withResolvers<void>()
  let count = 0
  const compose: ComposeDisk = async (job: ComposeJob, { signal }: ComposeOptions): Promise<ComposedFile> => {
    count += 1
    begun.resolve(job)
    await using file = await createDiskFile(job.path)
    const aborted = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    await Promise.race([gate.promise, aborted])
    return { identity: await file.finish(), writtenBytes: 1 }
  }
  return { compose, begun: begun.promise, letGo: gate.resolve, count: () => count }
}

for (const baseFormat of ['raw', 'qcow2'] as const) {
  test(`a disk of a middle on a ${baseFormat} base is the flat original for QEMU, sparse, and for group and owner only`, async () => {
    await using node = await composingNode()
    const { base, middle, flat, baseBytes } = await layeredDisk({ baseFormat, sizeBytes: 8 * MIB })
    await node.add(base, middle)
    const original = join(node.directory, 'original')
    await writeFile(original, flat)
    const layer = middle.manifest.digest
    for (const format of ['raw', 'qcow2'] as const) {
      const { state, path, doneBytes, totalBytes, error } = await node.compose(`disk.${format}`, { layer, format })
      equal(state, 'done', error?.message)
      equal(path, join(node.disksPath, `disk.${format}`))
      deepEqual([doneBytes, totalBytes], [flat.length, flat.length])
      await qemuImg('compare', '-f', format, '-F', 'raw', path, original)
      const { mode, blocks } = await stat(path)
      equal(mode & 0o777, 0o640)
      ok(blocks * 512 < flat.length * 0.75, `${blocks * 512} of ${flat.length} bytes are allocated`)
      if (format === 'qcow2') await qemuImg('check', '-f', 'qcow2', path)
      else equal(Buffer.compare(await readFile(path), flat), 0)
    }
    const packed = await node.compose('packed', { layer, format: 'qcow2', compression: 'zstd' })
    await qemuImg('compare', '-f', 'qcow2', '-F', 'raw', packed.path, original)
    const alone = await node.compose('base', { layer: base.manifest.digest, format: 'raw' })
    equal(Buffer.compare(await readFile(alone.path), baseBytes), 0)
    deepEqual(await node.files(), ['base', 'disk.qcow2', 'disk.raw', 'packed'])
    equal((await stat(node.disksPath)).mode & 0o777, 0o750)
  })
}

test('a raw base that does not end with a sector becomes a disk that does', async () => {
  await using node = await composingNode()
  const bytes = Buffer.alloc(70_000, 'odd')
  const base = publishedLayer(privateKey, bytes)
  await node.add(base)
  for (const format of ['raw', 'qcow2'] as const) {
    const { path, error } = await node.compose(format, { layer: base.manifest.digest, format })
    equal(error, null)
    const original = join(node.directory, 'original')
    await writeFile(original, Buffer.concat([bytes], 70_144))
    await qemuImg('compare', '-f', format, '-F', 'raw', path, original)
  }
})

test('asking again for the same does nothing; for something else under that name it is a conflict', async () => {
  await using node = await composingNode()
  const { base, middle } = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: MIB })
  await node.add(base, middle)
  const request = { layer: middle.manifest.digest, format: 'raw' } as const
  const first = await node.compose('disk', request)
  const { ino } = await stat(first.path)
  deepEqual(await node.compositions.request('disk', request), first)
  equal((await stat(first.path)).ino, ino)
  const others = [
    { ...request, format: 'qcow2' as const },
    { ...request, layer: base.manifest.digest },
  ]
  for (const other of others) {
    await rejects(node.compositions.request('disk', other), { code: 'SHOAL_COMPOSE_CONFLICT' })
  }
  await unlink(first.path)
  const again = await node.compose('disk', request)
  equal(again.state, 'done')
  ok(await stat(again.path))

  await node.compositions.remove('disk')
  await rejects(stat(first.path), { code: 'ENOENT' })
  await rejects(node.compositions.remove('disk'), { code: 'SHOAL_COMPOSE_UNKNOWN' })
  equal((await node.compose('disk', { ...request, format: 'qcow2' })).state, 'done')
})

test('what others put there is neither replaced, nor followed, nor removed', async () => {
  await using node = await composingNode()
  const { base } = await layeredDisk({ baseFormat: 'raw', sizeBytes: MIB })
  await node.add(base)
  const request = { layer: base.manifest.digest, format: 'raw' } as const
  const precious = join(node.directory, 'precious')
  await writeFile(precious, 'precious')
  await writeFile(join(node.disksPath, 'file'), 'precious')
  await symlink(precious, join(node.disksPath, 'link'))
  await symlink(join(node.directory, 'nowhere'), join(node.disksPath, 'dangling'))
  await mkdir(join(node.disksPath, 'directory'))
  for (const name of ['file', 'link', 'dangling', 'directory']) {
    await rejects(node.compositions.request(name, request), { code: 'SHOAL_COMPOSE_NAME_TAKEN' }, name)
  }
  equal(await readFile(precious, 'utf8'), 'precious')

  // Our disk is moved away, and something else has its name.
  const { path } = await node.compose('moved', request)
  await unlink(path)
  await writeFile(path, 'precious')
  await rejects(node.compositions.request('moved', request), { code: 'SHOAL_COMPOSE_NAME_TAKEN' })
  await node.compositions.remove('moved')
  equal(await readFile(path, 'utf8'), 'precious')
})

test('a name that is taken while the disk is composed fails it and harms nobody', async () => {
  const held = heldCompose()
  await using node = await composingNode(held)
  const { base } = await layeredDisk({ baseFormat: 'raw', sizeBytes: MIB })
  await node.add(base)
  await node.compositions.request('disk', { layer: base.manifest.digest, format: 'raw' })
  await held.begun
  await writeFile(join(node.disksPath, 'disk'), 'precious')
  held.letGo()
  equal((await ended(node.compositions, 'disk')).error?.code, 'SHOAL_COMPOSE_NAME_TAKEN')
  equal(await readFile(join(node.disksPath, 'disk'), 'utf8'), 'precious')
  deepEqual(await node.files(), ['disk'])
})

test('nothing is composed of layers that are not here, not complete or withdrawn, nor with options that do not fit', async () => {
  await using node = await composingNode()
  const { base, middle } = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: MIB })
  const layer = middle.manifest.digest
  const request = { layer, format: 'raw' } as const
  const refused = (code: string, body: Parameters<typeof node.compositions.request>[1] = request) =>
    rejects(node.compositions.request('disk', body), { code })
  await refused('SHOAL_PEER_LAYER_UNKNOWN')
  await node.add(middle)
  await refused('SHOAL_COMPOSE_BASE_MISSING')
  await node.store.create(base)
  await refused('SHOAL_COMPOSE_LAYER_INCOMPLETE')
  await node.add(base)
  node.withdrawn.add(base.manifest.digest)
  await refused('SHOAL_COMPOSE_LAYER_WITHDRAWN')
  await refused('SHOAL_COMPOSE_OPTION', { ...request, compression: 'zstd' })
  await refused('SHOAL_COMPOSE_OPTION', { ...request, overlay: '/a' })
  deepEqual(node.compositions.list(), [])
  await rejects(async () => node.compositions.request('../disk', request), TypeError)
})

test('a layer above a middle is refused: a chain has two layers', async () => {
  await using node = await composingNode()
  const { base, middle } = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: MIB })
  const third = publishedLayer(privateKey, Buffer.alloc(MIB, 'x'), { parent: middle.manifest.digest })
  await node.add(base, middle, third)
  await rejects(node.compositions.request('disk', { layer: third.manifest.digest, format: 'raw' }), {
    code: 'SHOAL_COMPOSE_LAYER_INVALID',
  })
})

test('layers stay while a disk is composed of them, and are let go when it ends', async () => {
  const held = heldCompose()
  await using node = await composingNode(held)
  const { base, middle } = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: MIB })
  await node.add(base, middle)
  await node.compositions.request('disk', { layer: middle.manifest.digest, format: 'raw' })
  const { layers } = await held.begun
  deepEqual(
    layers.map(({ format }) => format),
    ['qcow2', 'qcow2'],
  )
  for (const { manifest } of [base, middle]) {
    equal(await node.holds.remove(manifest.digest, () => node.store.remove(manifest.digest)), false)
    ok(node.store.get(manifest.digest))
  }
  held.letGo()
  await ended(node.compositions, 'disk')
  equal(await node.holds.remove(base.manifest.digest, () => node.store.remove(base.manifest.digest)), true)
})

test('a layer that is withdrawn while a disk is composed of it gives no disk', async () => {
  const held = heldCompose()
  await using node = await composingNode(held)
  const { base } = await layeredDisk({ baseFormat: 'raw', sizeBytes: MIB })
  await node.add(base)
  await node.compositions.request('disk', { layer: base.manifest.digest, format: 'raw' })
  await held.begun
  node.withdrawn.add(base.manifest.digest)
  held.letGo()
  equal((await ended(node.compositions, 'disk')).error?.code, 'SHOAL_COMPOSE_LAYER_WITHDRAWN')
  deepEqual(await node.files(), [])
})

test('one is composed at a time; what waits can be cancelled, and so can what runs, whose process is dead then', async () => {
  const started = Promise.withResolvers<void>()
  await using node = await composingNode({
    compose: (job, options) =>
      composeInChild(job, {
        ...options,
        onProgress: (doneBytes) => {
          options.onProgress(doneBytes)
          started.resolve()
        },
      }),
  })
  const base = await largeBase(256 * MIB)
  await node.add(base)
  const request = { layer: base.manifest.digest, format: 'raw' } as const
  await node.compositions.request('runs', request)
  await node.compositions.request('waits', request)
  await started.promise
  deepEqual(
    node.compositions.list().map(({ name, state }) => [name, state]),
    [
      ['runs', 'composing'],
      ['waits', 'queued'],
    ],
  )
  const [child] = composingProcesses([process.pid])
  ok(child)
  equal(child.nice >= 10, true)
  equal(await readFile(`/proc/${child.pid}/oom_score_adj`, 'utf8'), '1000\n')
  await node.compositions.remove('waits')
  await node.compositions.remove('runs')
  deepEqual(composingProcesses([process.pid]), [])
  deepEqual(
    node.compositions.list().map(({ state }) => state),
    ['cancelled', 'cancelled'],
  )
  deepEqual(await node.files(), [])
  equal(node.holds.isHeld(base.manifest.digest), false)
  await node.compositions.remove('runs')
  equal(node.compositions.list().length, 1)
})

test('a process that is killed fails its disk, leaves nothing, and the next one is composed', async () => {
  await using node = await composingNode()
  const large = await largeBase(256 * MIB)
  const { base } = await layeredDisk({ baseFormat: 'raw', sizeBytes: MIB })
  await node.add(large, base)
  await node.compositions.request('killed', { layer: large.manifest.digest, format: 'raw' })
  await node.compositions.request('next', { layer: base.manifest.digest, format: 'raw' })
  const child = await eventually(() => composingProcesses([process.pid])[0], { what: 'a process that composes' })
  process.kill(child.pid, 'SIGKILL')
  const killed = await ended(node.compositions, 'killed')
  equal(killed.state, 'failed')
  equal(killed.error?.code, 'SHOAL_COMPOSE_CRASHED')
  equal((await ended(node.compositions, 'next')).state, 'done')
  deepEqual(await node.files(), ['next'])
  equal(node.compositions.failures, 1)
})

test('an image that is not what its manifest says fails with its code, in the child', async () => {
  await using node = await composingNode()
  const lying = publishedLayer(privateKey, Buffer.alloc(MIB, 'x'), { format: 'qcow2', virtualSizeBytes: MIB })
  const { base } = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: MIB })
  const size = publishedLayer(privateKey, base.data, { format: 'qcow2', virtualSizeBytes: 2 * MIB })
  const disguised = publishedLayer(privateKey, Buffer.concat([Buffer.from('QFI\xfb', 'latin1')], MIB))
  await node.add(lying, disguised)
  for (const [layer, code] of [
    [lying, 'SHOAL_QCOW2_MAGIC'],
    [disguised, 'SHOAL_COMPOSE_DISGUISED'],
  ] as const) {
    const failed = await node.compose(code, { layer: layer.manifest.digest, format: 'raw' })
    deepEqual([failed.state, failed.error?.code], ['failed', code])
  }
  await node.add(size)
  const grown = await node.compose('grown', { layer: size.manifest.digest, format: 'raw' })
  equal(grown.error?.code, 'SHOAL_COMPOSE_LAYER_INVALID')
  // Its format is named on the outside: nobody has to guess.
  equal((await node.compose('named', { layer: disguised.manifest.digest, format: 'qcow2' })).state, 'done')
  deepEqual(await node.files(), ['named'])
})

test('a layer file that was cut short behind the store is told, not composed', async () => {
  await using node = await composingNode()
  const { base } = await layeredDisk({ baseFormat: 'raw', sizeBytes: MIB })
  await node.add(base)
  const { digest } = base.manifest
  await writeFile(node.store.get(digest)?.path ?? '', base.data.subarray(0, 1000))
  const failed = await node.compose('disk', { layer: digest, format: 'qcow2' })
  equal(failed.error?.code, 'SHOAL_COMPOSE_LAYER_INVALID')
})

test('a link in the place of a layer file is not followed', async () => {
  await using node = await composingNode()
  const { base } = await layeredDisk({ baseFormat: 'raw', sizeBytes: MIB })
  await node.add(base)
  const path = node.store.get(base.manifest.digest)?.path ?? ''
  const elsewhere = join(node.directory, 'elsewhere')
  await writeFile(elsewhere, base.data)
  await unlink(path)
  await symlink(elsewhere, path)
  const failed = await node.compose('disk', { layer: base.manifest.digest, format: 'qcow2' })
  equal(failed.error?.code, 'SHOAL_COMPOSE_IO')
  ok((await lstat(path)).isSymbolicLink())
})

test('no more wait than there is room for', async () => {
  const held = heldCompose()
  await using node = await composingNode(held)
  const { base } = await layeredDisk({ baseFormat: 'raw', sizeBytes: MIB })
  await node.add(base)
  const ask = (name: string) => node.compositions.request(name, { layer: base.manifest.digest, format: 'raw' })
  for (let index = 0; index < 64; index += 1) await ask(`disk-${index}`)
  await rejects(ask('one-more'), { code: 'SHOAL_COMPOSE_BUSY' })
  await node.compositions.remove('disk-63')
  equal((await ask('another')).state, 'queued')
})

test('room is promised before anything is written, for what the disk will take, and ends when it is in place', async () => {
  const promised: { bytes: number; isEnded: boolean }[] = []
  await using node = await composingNode({
    reserve: async (path, bytes) => {
      equal(existsSync(path), false)
      const promise = { bytes, isEnded: false }
      promised.push(promise)
      return {
        end: () => {
          promise.isEnded = true
        },
      }
    },
  })
  const base = await largeBase(4 * MIB)
  await node.add(base)
  equal((await node.compose('disk', { layer: base.manifest.digest, format: 'raw' })).state, 'done')
  deepEqual(node.used, [base.manifest.digest])
  equal(promised.length, 1)
  equal(promised[0]?.isEnded, true)
  const { blocks } = await stat(join(node.disksPath, 'disk'))
  equal(blocks * 512 <= (promised[0]?.bytes ?? 0) + 64 * 1024, true)
})

test('a disk that there is no room for fails with what the cache says, and leaves nothing', async () => {
  const full = errorFactory({ SHOAL_CACHE_FULL: { message: 'full', hint: 'unpin' } })
  await using node = await composingNode({
    reserve: async () => {
      throw full('SHOAL_CACHE_FULL')
    },
  })
  const base = await largeBase(4 * MIB)
  await node.add(base)
  const composition = await node.compose('disk', { layer: base.manifest.digest, format: 'raw' })
  equal(composition.error?.code, 'SHOAL_CACHE_FULL')
  deepEqual(await node.files(), [])
})
