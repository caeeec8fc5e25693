import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { RawImage } from '../library-proxy.ts'
import { createFixture, MIB, rawImage, type SeedFixture } from '../seed-fixture.ts'

const registration = {
  zone: '',
  rack: '',
  swarmAddress: '127.0.0.1:9',
  swarmPeerId: 'ab'.repeat(20),
  dhtAddress: null,
  apiUrl: null,
  capacityBytes: 1,
  version: '1',
}

/** One image, published and assigned to one node. */
async function publish(fixture: SeedFixture): Promise<{ image: string; layer: string }> {
  const image = await fixture.addImage('image', rawImage(MIB))
  await fixture.start()
  const { layer } = await fixture.import(image)
  assert.ok(layer !== null)
  await fixture.client.registerNode({ params: { node: 'n1' }, body: registration })
  await fixture.client.assign({ body: { layer, nodes: ['n1'] } })
  return { image, layer }
}

const withStatus = (status: string) => (image: RawImage) => ({ ...image, status, updated_at: new Date().toISOString() })
const desired = (fixture: SeedFixture) => fixture.client.desiredState({ params: { node: 'n1' } })

describe('the library watcher', () => {
  it('shows images as they appear, and imports those a rule wants', async (t) => {
    const rules = JSON.stringify([{ tag: 'golden', visibility: 'public' }, { property: 'shoal=yes' }])
    const fixture = await createFixture(t, { 'imports.rules': rules })
    await fixture.start()
    const plain = await fixture.addImage('plain', rawImage(MIB), { tags: ['golden'], visibility: 'private' })
    const tagged = await fixture.addImage('tagged', rawImage(MIB), { tags: ['golden'], visibility: 'public' })
    const marked = await fixture.addImage('marked', rawImage(MIB), { properties: { shoal: 'yes' } })
    for (const id of [tagged, marked]) await fixture.event('import.published', ({ image }) => image === id)
    await fixture.event('image.discovered', ({ image }) => image === plain)
    const { images } = await fixture.client.listImages()
    assert.equal(images.find(({ id }) => id === plain)?.import, null)
    assert.equal(images.length, 3)
  })

  it('withdraws the layer of a deactivated image and publishes it again, unread, when it is reactivated', async (t) => {
    const fixture = await createFixture(t)
    const { image, layer } = await publish(fixture)
    const before = await desired(fixture)
    assert.deepEqual(
      before.assignments.map(({ layer: digest }) => digest),
      [layer],
    )
    fixture.proxy.edit = withStatus('deactivated')
    await fixture.event('layer.withdrawn')
    const after = await desired(fixture)
    assert.ok(after.revision > before.revision)
    assert.deepEqual(after.assignments, [])
    assert.deepEqual(after.revoked, [layer])
    await assert.rejects(fixture.client.getManifest({ params: { layer } }), { code: 'SHOAL_LAYER_WITHDRAWN' })
    await assert.rejects(fixture.client.assign({ body: { layer, nodes: ['n1'] } }), { code: 'SHOAL_LAYER_WITHDRAWN' })
    assert.equal((await fixture.client.showLayer({ params: { layer } })).state, 'withdrawn')
    await assert.rejects(fixture.client.importImage({ params: { image } }), { code: 'SHOAL_IMAGE_DEACTIVATED' })

    fixture.proxy.edit = withStatus('active')
    await fixture.event('image.reactivated')
    await fixture.until(image, () => true)
    await fixture.client.assign({ body: { layer, nodes: ['n1'] } }).catch(() => {})
    assert.equal((await fixture.client.showLayer({ params: { layer } })).state, 'published')
    assert.deepEqual((await desired(fixture)).revoked, [])
    assert.ok((await fixture.client.getManifest({ params: { layer } })).length > 0)
    assert.equal(fixture.proxy.dataRequests.length, 1)
  })

  it('removes the layer of a deleted image, files and all, and still says what became of the image', async (t) => {
    const fixture = await createFixture(t)
    const { image, layer } = await publish(fixture)
    const file = join(fixture.stateDirectory, 'layers', 'layers', layer.slice('sha256:'.length))
    assert.ok(existsSync(file))
    await fixture.removeImage('image')
    const gone = await fixture.until(image, (shown) => shown.layer === null)
    assert.equal(gone.status, 'deleted')
    assert.ok(!existsSync(file))
    await assert.rejects(fixture.client.showLayer({ params: { layer } }), { code: 'SHOAL_LAYER_UNKNOWN' })
    assert.deepEqual((await desired(fixture)).revoked, [layer])
    await fixture.stop()
    await fixture.start()
    assert.deepEqual((await desired(fixture)).revoked, [layer])
    assert.equal((await fixture.client.status()).layers.published, 0)
  })

  it('keeps a layer that another active image needs', async (t) => {
    const fixture = await createFixture(t)
    const content = rawImage(MIB)
    await fixture.start()
    const first = await fixture.import(await fixture.addImage('a', content))
    const second = await fixture.import(await fixture.addImage('b', content))
    await fixture.removeImage('a')
    await fixture.until(first.id, (shown) => shown.status === 'deleted' && shown.layer === null)
    const layer = await fixture.client.showLayer({ params: { layer: second.layer ?? '' } })
    assert.equal(layer.state, 'published')
    assert.deepEqual(layer.images, [second.id])
  })

  it('says once that the library is away, and once that it is back; what is published stays', async (t) => {
    const fixture = await createFixture(t)
    const { layer } = await publish(fixture)
    fixture.proxy.isDown = true
    await fixture.event('library.unreachable')
    assert.equal((await fixture.client.status()).library.reachable, false)
    assert.equal((await desired(fixture)).assignments[0]?.layer, layer)
    fixture.proxy.isDown = false
    await fixture.event('library.reachable')
    const { events } = await fixture.client.listEvents({ query: { limit: 1000 } })
    assert.equal(events.filter(({ type }) => type === 'library.unreachable').length, 1)
    assert.equal(events.filter(({ type }) => type === 'library.reachable').length, 1)
  })
})
