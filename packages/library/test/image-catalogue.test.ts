import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Logger, ManualClock, silentLogger } from '@shoal/core'
import { ImageCatalogue, type LibraryImage } from '../src/image-catalogue.ts'
import { imageDirectory, qcow2Header, someBytes } from './image-directory.ts'

const START = Date.parse('2026-02-03T04:05:06Z')

function openCatalogue(directory: string, logger: Logger = silentLogger) {
  const clock = new ManualClock(START)
  return { clock, catalogue: new ImageCatalogue({ logger, clock }, directory) }
}

function only(catalogue: ImageCatalogue): LibraryImage {
  const [image, ...others] = catalogue.images()
  assert.ok(image !== undefined && others.length === 0)
  return image
}

function recordingLogger() {
  const codes: unknown[] = []
  const logger: Logger = { ...silentLogger, warn: (fields) => codes.push(fields.code), child: () => logger }
  return { logger, codes }
}

test('an image carries both hashes, its size and its virtual size', async (t) => {
  const bytes = someBytes(3_000_000)
  const directory = await imageDirectory(t, {
    'a.raw': bytes,
    'b.qcow2': qcow2Header(1 << 30),
    'c.img': qcow2Header(512),
  })
  const { catalogue } = openCatalogue(directory)
  await catalogue.refresh()
  const [raw, qcow2, img] = catalogue.images()
  assert.equal(raw?.sha512, createHash('sha512').update(bytes).digest('hex'))
  assert.equal(raw?.md5, createHash('md5').update(bytes).digest('hex'))
  assert.deepEqual([raw?.diskFormat, raw?.virtualSizeBytes], ['raw', 3_000_000])
  assert.deepEqual([qcow2?.diskFormat, qcow2?.virtualSizeBytes], ['qcow2', 1 << 30])
  assert.deepEqual([img?.diskFormat, img?.virtualSizeBytes], ['qcow2', 512])
})

test('another catalogue on the same directory finds the same ids and times without hashing again', async (t) => {
  const directory = await imageDirectory(t, { 'a.raw': someBytes(100) })
  const first = openCatalogue(directory)
  await first.catalogue.refresh()
  const index = JSON.parse(await readFile(join(directory, '.shoal-library.json'), 'utf8'))
  index.images['a.raw'].md5 = 'f'.repeat(32)
  await writeFile(join(directory, '.shoal-library.json'), JSON.stringify(index))
  const second = openCatalogue(directory)
  second.clock.advance(60_000)
  await second.catalogue.refresh()
  assert.equal(only(second.catalogue).id, only(first.catalogue).id)
  assert.equal(only(second.catalogue).createdAt, '2026-02-03T04:05:06Z')
  assert.equal(only(second.catalogue).md5, 'f'.repeat(32))
})

test('a broken index is rebuilt', async (t) => {
  const directory = await imageDirectory(t, {
    'a.raw': someBytes(100),
    '.shoal-library.json': '{"version":1,"images":{"a',
  })
  const { catalogue } = openCatalogue(directory)
  await catalogue.refresh()
  assert.equal(only(catalogue).fileName, 'a.raw')
})

test('other bytes under the same name are another image; a touched file is the same one', async (t) => {
  const directory = await imageDirectory(t, { 'a.raw': someBytes(100) })
  const { catalogue, clock } = openCatalogue(directory)
  await catalogue.refresh()
  const before = only(catalogue)
  clock.advance(5_000)
  await utimes(join(directory, 'a.raw'), 1, 1)
  await catalogue.refresh()
  assert.deepEqual([only(catalogue).id, only(catalogue).updatedAt], [before.id, before.updatedAt])
  await writeFile(join(directory, 'new'), someBytes(100, 2))
  await rename(join(directory, 'new'), join(directory, 'a.raw'))
  await catalogue.refresh()
  assert.notEqual(only(catalogue).id, before.id)
  assert.equal(only(catalogue).updatedAt, '2026-02-03T04:05:11Z')
  assert.equal(catalogue.get(before.id), undefined)
})

test('a file that is hashed again is shown as what it was meanwhile', async (t) => {
  const directory = await imageDirectory(t, { 'a.raw': someBytes(3_000_000) })
  const { catalogue } = openCatalogue(directory)
  await catalogue.refresh()
  const before = only(catalogue)
  await utimes(join(directory, 'a.raw'), 1, 1)
  let isOver = false
  const refreshed = catalogue.refresh().finally(() => {
    isOver = true
  })
  while (!isOver) {
    assert.equal(only(catalogue).id, before.id)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await refreshed
  assert.notDeepEqual(only(catalogue).identity, before.identity)
})

test('another description moves updated_at and keeps the id', async (t) => {
  const directory = await imageDirectory(t, { 'a.raw': someBytes(100), 'a.json': { name: 'one' } })
  const { catalogue, clock } = openCatalogue(directory)
  await catalogue.refresh()
  const before = only(catalogue)
  clock.advance(5_000)
  await writeFile(join(directory, 'a.json'), JSON.stringify({ name: 'two', status: 'deactivated' }))
  await catalogue.refresh()
  const after = only(catalogue)
  assert.deepEqual([after.id, after.createdAt, after.updatedAt], [before.id, before.createdAt, '2026-02-03T04:05:11Z'])
  assert.equal(after.sidecar.status, 'deactivated')
})

test('a removed file is gone from the next look', async (t) => {
  const directory = await imageDirectory(t, { 'a.raw': someBytes(100) })
  const { catalogue } = openCatalogue(directory)
  await catalogue.refresh()
  await rm(join(directory, 'a.raw'))
  await catalogue.refresh()
  assert.deepEqual(catalogue.images(), [])
})

test('an image whose description is not valid is not offered, and logged once', async (t) => {
  const files = { 'a.raw': someBytes(100), 'a.json': { visiblity: 'private' }, 'b.raw': someBytes(10) }
  const directory = await imageDirectory(t, files)
  const { logger, codes } = recordingLogger()
  const { catalogue } = openCatalogue(directory, logger)
  await catalogue.refresh()
  await catalogue.refresh()
  assert.equal(only(catalogue).fileName, 'b.raw')
  assert.deepEqual(codes, ['SHOAL_LIBRARY_SIDECAR'])
})

test('a file that is no longer the one that was hashed is not opened', async (t) => {
  const directory = await imageDirectory(t, { 'a.raw': someBytes(100) })
  const { catalogue } = openCatalogue(directory)
  await catalogue.refresh()
  await writeFile(join(directory, 'a.raw'), someBytes(101))
  assert.equal(await catalogue.open(only(catalogue)), undefined)
})

test('a directory that is not there is refused with a code', async () => {
  const { catalogue } = openCatalogue('/nonexistent/images')
  await assert.rejects(catalogue.refresh(), { code: 'SHOAL_LIBRARY_DIRECTORY' })
})
