import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { decodeManifest, decodePublicKey } from '@shoal/core'
import { buildQcow2 } from '@shoal/qcow2/qcow2-builder'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

describe('an import', () => {
  it('publishes a signed layer of the very bytes with one read of the library', async (t) => {
    const fixture = await createFixture(t)
    const content = rawImage(3 * MIB)
    const image = await fixture.addImage('one', content)
    const seed = await fixture.start()
    const shown = await fixture.import(image)
    assert.equal(shown.import?.state, 'published')
    assert.equal(shown.import.bytesRead, content.length)
    assert.equal(shown.layer, `sha256:${createHash('sha256').update(content).digest('hex')}`)
    assert.equal(fixture.proxy.dataRequests.length, 1)
    assert.equal(fixture.proxy.sentBytes, content.length)

    const params = { layer: shown.layer }
    const manifest = decodeManifest(await fixture.client.getManifest({ params }), [
      decodePublicKey(seed.status().publicKey),
    ])
    assert.equal(manifest.sizeBytes, content.length)
    assert.equal(manifest.format, 'raw')
    const layer = await fixture.client.showLayer({ params })
    assert.deepEqual(layer.images, [image])
    assert.equal(layer.infoHash, manifest.infoHash)
    const verification = await fixture.client.verifyLayer({ params })
    assert.deepEqual(verification, { layer: shown.layer, checkedBlocks: 24, badBlocks: [], digestMatches: true })
    assert.deepEqual(await fixture.stagedFiles(), [])
    assert.ok((await fixture.client.getTorrent({ params })).length > 0)
    const inspection = await fixture.client.showInspection({ params: { image } })
    assert.equal(inspection.virtualSizeBytes, content.length)
    assert.ok(inspection.isAccepted && inspection.checks.every(({ outcome }) => outcome === 'passed'))
  })

  it('refuses a qcow2 image for what its tables say, and tells which check failed', async (t) => {
    const fixture = await createFixture(t)
    const content = buildQcow2()
    content.writeBigUInt64BE(1n << 40n, 3 * 65_536)
    const image = await fixture.addImage('tables', content, { disk_format: 'qcow2' })
    await fixture.start()
    assert.equal((await fixture.import(image)).import?.error?.code, 'SHOAL_IMAGE_QCOW2_L1_TABLE')
    const { checks } = await fixture.client.showInspection({ params: { image } })
    assert.equal(checks.find(({ outcome }) => outcome === 'failed')?.name, 'l1-entries')
    assert.deepEqual(await fixture.stagedFiles(), [])
  })

  it('works right after an upload, before any poll has seen the image, and again after a restart', async (t) => {
    const fixture = await createFixture(t, { 'library.pollIntervalMs': '80000', 'library.sweepIntervalMs': '80000' })
    await fixture.start()
    const image = await fixture.addImage('late', rawImage(MIB))
    const { layer } = await fixture.import(image)
    await fixture.stop()
    await fixture.start()
    assert.equal((await fixture.client.showImage({ params: { image } })).layer, layer)
    assert.equal((await fixture.import(image)).layer, layer)
    assert.equal(fixture.proxy.dataRequests.length, 1)
  })

  it('is one import however often it is asked for', async (t) => {
    const fixture = await createFixture(t)
    const image = await fixture.addImage('wanted', rawImage(2 * MIB))
    await fixture.start()
    const release = fixture.proxy.holdAt(MIB)
    await Promise.all(Array.from({ length: 10 }, () => fixture.client.importImage({ params: { image } })))
    await fixture.until(image, (shown) => shown.import?.state === 'reading')
    await fixture.client.importImage({ params: { image } })
    release()
    await fixture.imported(image)
    assert.equal(fixture.proxy.dataRequests.length, 1)
  })

  it('reads an image whatever hash it claims, and shares the layer of equal bytes', async (t) => {
    const fixture = await createFixture(t)
    const content = rawImage(MIB)
    await fixture.start()
    const first = await fixture.import(await fixture.addImage('a', content))
    const second = await fixture.import(await fixture.addImage('b', content))
    assert.equal(second.layer, first.layer)
    assert.equal(fixture.proxy.dataRequests.length, 2)
    assert.deepEqual((await fixture.client.listLayers()).layers.length, 1)
    assert.deepEqual(await fixture.stagedFiles(), [])
  })

  it('keeps the limit, over all imports together', async (t) => {
    const rate = 4 * MIB
    const fixture = await createFixture(t, { 'library.limitBytesPerSecond': String(rate) })
    const images = await Promise.all(['a', 'b'].map((name) => fixture.addImage(name, rawImage(3 * MIB))))
    await fixture.start()
    const begin = performance.now()
    await Promise.all(images.map((image) => fixture.import(image)))
    const seconds = (performance.now() - begin) / 1000
    // The bucket lets a quarter of a second through at once.
    assert.ok(seconds > (6 * MIB) / rate - 0.5, `${seconds} s`)
    assert.ok(seconds < 6, `${seconds} s`)
  })

  it('is cancelled on request, with nothing left', async (t) => {
    const fixture = await createFixture(t)
    const image = await fixture.addImage('unwanted', rawImage(3 * MIB))
    await fixture.start()
    fixture.proxy.holdAt(MIB)
    await fixture.client.importImage({ params: { image } })
    await fixture.until(image, (shown) => (shown.import?.bytesRead ?? 0) >= MIB / 2)
    const cancelled = await fixture.client.cancelImport({ params: { image } })
    assert.equal(cancelled.import?.state, 'cancelled')
    assert.equal(cancelled.import.error?.code, 'SHOAL_IMPORT_CANCELLED')
    assert.deepEqual(await fixture.stagedFiles(), [])
    await assert.rejects(fixture.client.cancelImport({ params: { image } }), { code: 'SHOAL_IMPORT_NOT_RUNNING' })
  })
})

describe('a bad image', () => {
  it('sends the seed nowhere else (SSRF): what it says of places is not looked at, a redirect fails the import and is told', async (t) => {
    const asked: string[] = []
    const victim = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.end('secrets of the metadata service')
    }).listen(0, '127.0.0.1')
    await once(victim, 'listening')
    t.after(() => void victim.close())
    const url = `http://127.0.0.1:${(victim.address() as AddressInfo).port}`
    const fixture = await createFixture(t, { 'imports.attempts': '1' })
    const locations = [{ url: `${url}/location`, metadata: {} }]
    fixture.proxy.edit = (shown) => ({ ...shown, locations, direct_url: `${url}/direct`, file: `${url}/file` })
    const image = await fixture.addImage('elsewhere', rawImage(MIB))
    const moved = await fixture.addImage('moved', rawImage(MIB))
    await fixture.start()
    assert.equal((await fixture.import(image)).import?.state, 'published')
    fixture.proxy.movedTo = `${url}/moved`
    assert.equal((await fixture.import(moved)).import?.state, 'failed')
    const { details } = await fixture.event('import.failed')
    assert.match(String(details.code), /^SHOAL_/)
    assert.deepEqual(asked, [])
  })

  it('is refused by its header after a small part of it was read', async (t) => {
    const fixture = await createFixture(t)
    const content = Buffer.concat([buildQcow2({ backingOffset: 512n, backingLength: 8 }), Buffer.alloc(48 * MIB)])
    const image = await fixture.addImage('lies', content, { disk_format: 'qcow2' })
    await fixture.start()
    const shown = await fixture.import(image)
    assert.equal(shown.import?.state, 'failed')
    assert.equal(shown.import.error?.code, 'SHOAL_IMAGE_BACKING_FILE')
    assert.ok(shown.import.bytesRead <= MIB, String(shown.import.bytesRead))
    assert.ok(fixture.proxy.sentBytes < 24 * MIB, String(fixture.proxy.sentBytes))
    assert.equal(shown.layer, null)
    assert.deepEqual(await fixture.stagedFiles(), [])
    assert.deepEqual((await fixture.client.listLayers()).layers, [])
    assert.equal((await fixture.event('import.failed')).details.code, 'SHOAL_IMAGE_BACKING_FILE')
    await fixture.stop()
    await fixture.start()
    const { isAccepted, checks } = await fixture.client.showInspection({ params: { image } })
    assert.ok(!isAccepted)
    assert.deepEqual(
      checks.filter(({ outcome }) => outcome === 'failed').map(({ name, code }) => [name, code]),
      [['backing-file', 'SHOAL_IMAGE_BACKING_FILE']],
    )
    assert.equal(checks.find(({ name }) => name === 'l2-tables')?.outcome, 'skipped')
  })

  it('is refused unread when its declaration is enough to tell', async (t) => {
    const fixture = await createFixture(t, { 'images.maxImageBytes': String(MIB) })
    const large = await fixture.addImage('large', rawImage(2 * MIB))
    const foreign = await fixture.addImage('foreign', rawImage(MIB), { disk_format: 'vmdk' })
    await fixture.start()
    assert.equal((await fixture.import(large)).import?.error?.code, 'SHOAL_IMAGE_TOO_LARGE')
    assert.equal((await fixture.import(foreign)).import?.error?.code, 'SHOAL_IMAGE_FORMAT_UNSUPPORTED')
    const params = { image: foreign }
    await assert.rejects(fixture.client.showInspection({ params }), { code: 'SHOAL_IMAGE_NOT_INSPECTED' })
    assert.equal(fixture.proxy.dataRequests.length, 0)
  })

  it('is refused when its bytes do not have the hash the library gives', async (t) => {
    const fixture = await createFixture(t)
    const image = await fixture.addImage('damaged', rawImage(MIB))
    fixture.proxy.edit = (record) => ({ ...record, os_hash_value: '0'.repeat(128) })
    await fixture.start()
    const shown = await fixture.import(image)
    assert.equal(shown.import?.error?.code, 'SHOAL_GLANCE_HASH_MISMATCH')
    assert.equal(shown.layer, null)
    assert.deepEqual(await fixture.stagedFiles(), [])
  })

  it('is refused when the library has more bytes than it says', async (t) => {
    const fixture = await createFixture(t)
    const image = await fixture.addImage('longer', rawImage(2 * MIB))
    fixture.proxy.edit = (record) => ({ ...record, size: MIB })
    await fixture.start()
    const shown = await fixture.import(image)
    assert.equal(shown.import?.error?.code, 'SHOAL_GLANCE_OVERLONG')
    assert.deepEqual(await fixture.stagedFiles(), [])
  })

  it('is refused when it changes in the library while it is read', async (t) => {
    const fixture = await createFixture(t)
    const image = await fixture.addImage('changing', rawImage(2 * MIB))
    await fixture.start()
    const release = fixture.proxy.holdAt(MIB)
    await fixture.client.importImage({ params: { image } })
    await fixture.until(image, (shown) => (shown.import?.bytesRead ?? 0) >= MIB / 2)
    fixture.proxy.edit = (record) => ({ ...record, checksum: '0'.repeat(32) })
    release()
    assert.equal((await fixture.imported(image)).import?.error?.code, 'SHOAL_IMAGE_CHANGED')
    assert.deepEqual(await fixture.stagedFiles(), [])
  })
})

describe('an image that vanishes while it is read', () => {
  const cases = [
    ['deactivated', 'SHOAL_IMAGE_DEACTIVATED', (record: { id: string }) => ({ ...record, status: 'deactivated' })],
    ['deleted', 'SHOAL_IMAGE_DELETED', () => undefined],
  ] as const
  for (const [what, code, edit] of cases) {
    it(`ends the import when it is ${what}, with nothing left`, async (t) => {
      const fixture = await createFixture(t)
      const image = await fixture.addImage('fleeting', rawImage(3 * MIB))
      await fixture.start()
      fixture.proxy.holdAt(MIB)
      await fixture.client.importImage({ params: { image } })
      await fixture.until(image, (shown) => (shown.import?.bytesRead ?? 0) >= MIB / 2)
      fixture.proxy.edit = edit
      const shown = await fixture.imported(image)
      assert.equal(shown.import?.state, 'cancelled')
      assert.equal(shown.import.error?.code, code)
      assert.equal(shown.status, what)
      assert.deepEqual(await fixture.stagedFiles(), [])
      assert.deepEqual((await fixture.client.listLayers()).layers, [])
      await assert.rejects(fixture.client.importImage({ params: { image } }), (error: { code: string }) =>
        ['SHOAL_IMAGE_DEACTIVATED', 'SHOAL_IMAGE_DELETED'].includes(error.code),
      )
    })
  }
})

describe('an import that was interrupted', () => {
  it('goes on from what is durable when the seed starts again, and reads only the rest', async (t) => {
    const fixture = await createFixture(t)
    const content = rawImage(40 * MIB)
    const image = await fixture.addImage('long', content)
    await fixture.start()
    const release = fixture.proxy.holdAt(24 * MIB)
    await fixture.client.importImage({ params: { image } })
    await fixture.until(image, (shown) => (shown.import?.bytesRead ?? 0) >= 20 * MIB)
    await fixture.stop()
    release()
    await fixture.start()
    const shown = await fixture.imported(image)
    assert.equal(shown.import?.state, 'published')
    assert.equal(shown.layer, `sha256:${createHash('sha256').update(content).digest('hex')}`)
    assert.deepEqual(
      fixture.proxy.dataRequests.map(({ range }) => range),
      [undefined, `bytes=${16 * MIB}-`],
    )
    assert.equal(fixture.proxy.dataRequests[1]?.sentBytes, 24 * MIB)
    assert.equal((await fixture.event('import.resumed')).details.bytesRead, 16 * MIB)
  })

  it('reads all again when the prefix was damaged meanwhile', async (t) => {
    const fixture = await createFixture(t)
    const image = await fixture.addImage('long', rawImage(20 * MIB))
    await fixture.start()
    const release = fixture.proxy.holdAt(18 * MIB)
    await fixture.client.importImage({ params: { image } })
    await fixture.until(image, (shown) => (shown.import?.bytesRead ?? 0) >= 17 * MIB)
    await fixture.stop()
    release()
    const [staged] = await fixture.stagedFiles()
    const path = join(fixture.stateDirectory, 'layers', 'staging', String(staged))
    const bytes = await readFile(path)
    bytes.writeUInt8(bytes.readUInt8(9 * MIB) ^ 1, 9 * MIB)
    await writeFile(path, bytes)
    await fixture.start()
    const shown = await fixture.imported(image)
    assert.equal(shown.import?.state, 'published')
    assert.deepEqual(
      fixture.proxy.dataRequests.map(({ range }) => range),
      [undefined, `bytes=${16 * MIB}-`, undefined],
    )
  })
})
