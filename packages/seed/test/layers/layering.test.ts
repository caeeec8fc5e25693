import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClient, type Image } from '@shoal/api'
import { digestHex, parseDigest } from '@shoal/core'
import { writeBootProfile } from '@shoal/qcow2'
import { openDisk } from '../../src/layers/disk-files.ts'
import { buildHeld } from '../nodes/known-layers.ts'
import { createFixture, MIB, rawImage, type SeedFixture } from '../seed-fixture.ts'

/** The image with a MiB changed in its middle, text in place of some of it, and grown by a MiB. */
function changed(base: Buffer): Buffer {
  const flat = Buffer.concat([base], base.length + MIB)
  randomBytes(MIB / 2).copy(flat, 3 * MIB)
  flat.fill('configuration ', 5 * MIB, 5 * MIB + 300_000)
  flat.fill(0, 6 * MIB, 6 * MIB + 100_000)
  randomBytes(4096).copy(flat, flat.length - 8192)
  return flat
}

function layered(fixture: SeedFixture, image: string): Promise<Image> {
  const isOver = ({ layering }: Image) =>
    ['published', 'kept-flat', 'failed', 'cancelled'].includes(layering?.state ?? '')
  return fixture.until(image, isOver)
}

function layerPath(fixture: SeedFixture, layer: string): string {
  return join(fixture.stateDirectory, 'layers', 'layers', digestHex(parseDigest(layer)), 'disk')
}

/** What a node would show that has these layers, base first. */
async function shownBy(fixture: SeedFixture, chain: readonly string[]): Promise<Buffer> {
  const files = await Promise.all(
    chain.map(async (layer) => {
      const { format } = await fixture.client.showLayer({ params: { layer } })
      return { path: layerPath(fixture, layer), format }
    }),
  )
  const [top, ...below] = files.toReversed()
  assert.ok(top !== undefined)
  await using opened = await openDisk([top, ...below])
  return await opened.disk.read(0, opened.disk.virtualSizeBytes)
}

test('an image that a known base fits becomes base and middle, which show its bytes', async (t) => {
  const fixture = await createFixture(t)
  await fixture.start()
  const base = rawImage(8 * MIB)
  const other = rawImage(8 * MIB)
  const flat = changed(base)
  const { layer: baseLayer } = await fixture.import(await fixture.addImage('base', base))
  await fixture.import(await fixture.addImage('other', other))
  const id = await fixture.addImage('flat', flat)
  await fixture.import(id)
  const image = await layered(fixture, id)
  assert.equal(image.layering?.state, 'published', image.layering?.error?.message)
  assert.equal(image.layering.base, baseLayer)
  assert.ok((image.layering.estimatedSharing ?? 0) > 0.5, `${image.layering.estimatedSharing}`)
  assert.equal(image.chain[0], baseLayer)
  assert.ok((await shownBy(fixture, image.chain)).equals(flat))

  const [, layer = ''] = image.chain
  const middle = await fixture.client.showLayer({ params: { layer } })
  assert.equal(middle.kind, 'middle')
  assert.equal(middle.parent, baseLayer)
  assert.equal(middle.virtualSizeBytes, flat.length)
  assert.ok(middle.sizeBytes < 1.5 * MIB, `${middle.sizeBytes} bytes`)
  assert.deepEqual(middle.images, [id])
  const event = await fixture.event('layering.published')
  assert.equal(event.layer, layer)
  assert.deepEqual(await fixture.stagedFiles(), [])
})

test('an image stays one layer when the best base has nothing of it, or when too little would be saved', async (t) => {
  const fixture = await createFixture(t)
  await fixture.start()
  const base = rawImage(8 * MIB)
  await fixture.import(await fixture.addImage('base', base))
  const foreign = await fixture.addImage('foreign', rawImage(8 * MIB))
  await fixture.import(foreign)
  const unlike = await layered(fixture, foreign)
  assert.equal(unlike.layering?.state, 'kept-flat')
  assert.equal(unlike.layering.layerBytes, null)
  assert.deepEqual(unlike.chain, [unlike.layer])

  await fixture.client.publishLayers({ params: { image: foreign }, body: { base: unlike.layering.base ?? '' } })
  await fixture.event('layering.kept-flat', ({ id, image }) => image === foreign && id > 0)
  const large = await fixture.until(foreign, ({ layering }) => layering?.layerBytes !== null)
  assert.ok((large.layering?.layerBytes ?? 0) > 7 * MIB)
})

test('layers go with the last image that needs them: a middle keeps its base', async (t) => {
  const fixture = await createFixture(t)
  await fixture.start()
  const base = rawImage(8 * MIB)
  await fixture.import(await fixture.addImage('base', base))
  const id = await fixture.addImage('flat', changed(base))
  await fixture.import(id)
  const { chain, layer } = await layered(fixture, id)
  await fixture.removeImage('base')
  await fixture.event('image.deleted')
  const state = async () => (await fixture.client.listLayers()).layers.map(({ digest }) => digest).sort()
  assert.deepEqual(await state(), [...chain, layer ?? ''].sort())
  assert.ok((await shownBy(fixture, chain)).length > 0)
  await fixture.removeImage('flat')
  await fixture.event('image.deleted', ({ image }) => image === id)
  await fixture.until(id, (image) => image.chain.length === 0)
  assert.deepEqual(await state(), [])
})

test('making layers is begun again after a restart, and can be cancelled', async (t) => {
  const fixture = await createFixture(t, { 'layers.automatic': 'false' })
  await fixture.start()
  const base = rawImage(8 * MIB)
  const { layer: baseLayer } = await fixture.import(await fixture.addImage('base', base))
  const id = await fixture.addImage('flat', changed(base))
  const imported = await fixture.import(id)
  assert.equal(imported.layering, null)
  const params = { image: id }

  await fixture.client.publishLayers({ params, body: {} })
  const cancelled = await fixture.client.cancelLayering({ params })
  assert.equal(cancelled.layering?.state, 'cancelled')
  assert.equal(cancelled.layering.error?.code, 'SHOAL_LAYERING_CANCELLED')
  assert.deepEqual(await fixture.stagedFiles(), [])
  await assert.rejects(fixture.client.cancelLayering({ params }), { code: 'SHOAL_LAYERING_NOT_RUNNING' })

  await fixture.client.publishLayers({ params, body: { base: baseLayer ?? '' } })
  await fixture.stop()
  await fixture.start()
  const image = await layered(fixture, id)
  assert.equal(image.layering?.state, 'published', image.layering?.error?.message)
  assert.equal(image.chain[0], baseLayer)
})

test('what cannot become layers is refused with the reason', async (t) => {
  const fixture = await createFixture(t)
  await fixture.start()
  const id = await fixture.addImage('alone', rawImage(MIB))
  await fixture.until(id, () => true).catch(() => {})
  await fixture.event('image.discovered', ({ image }) => image === id)
  const params = { image: id }
  await assert.rejects(fixture.client.publishLayers({ params, body: {} }), { code: 'SHOAL_LAYERING_NOT_IMPORTED' })
  const { layer } = await fixture.import(id)
  await fixture.client.publishLayers({ params, body: { base: layer ?? '' } })
  const failed = await layered(fixture, id)
  assert.equal(failed.layering?.state, 'failed')
  assert.equal(failed.layering.error?.code, 'SHOAL_LAYERING_BASE')
})

test('a node that is assigned a middle is told to hold its base as well, and as long', async (t) => {
  const fixture = await createFixture(t)
  const seed = await fixture.start()
  const base = rawImage(8 * MIB)
  await fixture.import(await fixture.addImage('base', base))
  const id = await fixture.addImage('flat', changed(base))
  await fixture.import(id)
  const { chain } = await layered(fixture, id)
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  const body = {
    ...{ zone: '', rack: '', dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' },
    ...{ swarmAddress: '127.0.0.1:9', swarmPeerId: '0'.repeat(40) },
  }
  await node.registerNode({ params: { node: 'n1' }, body })
  const pinnedUntil = '2999-01-01T00:00:00.000Z'
  await fixture.client.assign({ body: { layer: chain[1] ?? '', all: true, pinnedUntil } })
  const { assignments } = await node.desiredState({ params: { node: 'n1' } })
  assert.deepEqual(assignments.map(({ layer }) => layer).sort(), [...chain].sort())
  for (const assignment of assignments) assert.equal(assignment.pinnedUntil, pinnedUntil)
})

test('a base is laid out anew with what a boot reads in front, and then stands below middles', async (t) => {
  const fixture = await createFixture(t)
  await fixture.start()
  const base = rawImage(8 * MIB)
  const id = await fixture.addImage('base', base)
  const { layer: own } = await fixture.import(id)
  const reads = [5 * MIB, 65_536, 7 * MIB].map((offset, milliseconds) => ({ offset, length: 512, milliseconds }))
  const bootProfile = writeBootProfile({ recordedOn: own ?? '', virtualSizeBytes: base.length, reads })
  await fixture.client.publishLayers({ params: { image: id }, body: { base: 'none', bootProfile } })
  const { chain, layering } = await layered(fixture, id)
  assert.equal(layering?.state, 'published', layering?.error?.message)
  assert.equal(layering.hotBytes, 3 * 65_536)
  assert.equal(chain.length, 1)
  assert.notEqual(chain[0], own)
  assert.ok((await shownBy(fixture, chain)).equals(base))
  await using opened = await openDisk([{ path: layerPath(fixture, chain[0] ?? ''), format: 'qcow2' }])
  const hosts: (number | undefined)[] = []
  for (const { offset } of reads) {
    for await (const { host } of opened.disk.map(offset, 512)) hosts.push(host)
  }
  // Behind the header, the refcount table, the L1 table and the one L2 table.
  assert.deepEqual(hosts, [4 * 65_536, 5 * 65_536, 6 * 65_536])

  const flat = await fixture.addImage('flat', changed(base))
  await fixture.import(flat)
  const image = await layered(fixture, flat)
  assert.equal(image.chain[0], chain[0])
  assert.equal(image.chain.length, 2)

  // A reader of qcow2 begins with the first 2 MiB, which are more than these few clusters.
  const layers = [own ?? '', ...image.chain]
  assert.deepEqual(await toldBootBytes(fixture, layers), [0, 2 * MIB, 0])
  await fixture.stop()
  await fixture.start()
  assert.deepEqual(await toldBootBytes(fixture, layers), [0, 2 * MIB, 0])
})

/** What a node that holds the layers is told of what a boot reads. */
async function toldBootBytes(fixture: SeedFixture, layers: readonly string[]): Promise<number[]> {
  const { seed } = fixture
  assert.ok(seed !== undefined)
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  const params = { node: 'n1' }
  const body = {
    ...{ zone: '', rack: '', dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' },
    ...{ swarmAddress: '127.0.0.1:9', swarmPeerId: '0'.repeat(40) },
  }
  await node.registerNode({ params, body })
  const rates = { downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 }
  const held = layers.map((layer) => buildHeld(layer))
  const inventory = { layers: held, diskFreeBytes: 1, diskUsedBytes: 1, ...rates }
  const answer = await node.heartbeat({ params, body: { inventory, events: [] } })
  return layers.map((layer) => answer.layers?.find((facts) => facts.layer === layer)?.bootBytes ?? -1)
}

test('a boot profile that is none is refused at once', async (t) => {
  const fixture = await createFixture(t)
  await fixture.start()
  const id = await fixture.addImage('base', rawImage(MIB))
  await fixture.import(id)
  const request = fixture.client.publishLayers({ params: { image: id }, body: { base: 'none', bootProfile: 'boot\n' } })
  await assert.rejects(request, { code: 'SHOAL_BOOT_PROFILE_HEADER' })
})
