import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { buildLayerRecord, layerDigest } from '../nodes/known-layers.ts'
import { buildImage } from '../rules/rules-fixture.ts'
import { BootsFixture } from './boots-fixture.ts'

const [OWN, BASE, MIDDLE] = [layerDigest(1), layerDigest(2), layerDigest(3)]
const HASH = { osHashAlgo: 'sha512', osHashValue: 'ab' }

async function start() {
  const seed = await new BootsFixture().restart()
  const own = (id: string) => {
    const record = buildImage(id)
    return { ...record, image: { ...record.image, sizeBytes: 100, ...HASH }, layer: OWN }
  }
  const assigned = () =>
    seed.assignments.list({ owner: 'file' }).map(({ node, layer, priority }) => [node, layer, priority])
  return { seed, own, assigned, want: (node: string, image: string) => seed.files.want(node, image) }
}

test("the layer with an image's own bytes is told and assigned, whatever it is booted from", async () => {
  const { seed, own, assigned, want } = await start()
  for (const digest of [OWN, BASE, MIDDLE]) seed.catalogue.putLayer(buildLayerRecord(digest))
  seed.catalogue.putImage({ ...own('web'), chain: [BASE, MIDDLE] })
  const answer = { image: 'web', state: 'ready', layer: OWN, sizeBytes: 100, ...HASH }
  deepEqual(await want('n1', 'web'), answer)
  deepEqual(assigned(), [['n1', OWN, 90]])
  const revision = seed.assignments.revision('n1')
  deepEqual(await want('n1', 'web'), answer)
  equal(seed.assignments.revision('n1'), revision)
  await want('n2', 'web')
  deepEqual(seed.joined, [
    ['n1', 'web', OWN],
    ['n1', 'web', OWN],
    ['n2', 'web', OWN],
  ])
  await seed.restart()
  deepEqual(assigned(), [
    ['n1', OWN, 90],
    ['n2', OWN, 90],
  ])
})

test('an image that is not imported is asked for; when it is, its layer is told', async () => {
  const { seed, own, assigned, want } = await start()
  seed.shown.set('new', { ...own('new'), layer: null })
  deepEqual(await want('n1', 'new'), {
    image: 'new',
    state: 'importing',
    layer: null,
    sizeBytes: 0,
    osHashAlgo: null,
    osHashValue: null,
  })
  deepEqual(seed.asked, [['new', 90]])
  deepEqual(assigned(), [])
  seed.catalogue.putLayer(buildLayerRecord(OWN))
  seed.catalogue.putImage(own('new'))
  equal((await want('n1', 'new')).layer, OWN)
  deepEqual(seed.joined, [
    ['n1', 'new', null],
    ['n1', 'new', OWN],
  ])
})

test('a middle that an operator gave has no layer with its bytes: its head was written anew', async () => {
  const { seed, own, assigned, want } = await start()
  seed.catalogue.putLayer(buildLayerRecord(BASE))
  seed.catalogue.putLayer(buildLayerRecord(MIDDLE, { parent: BASE, kind: 'middle' }))
  seed.catalogue.putImage({ ...own('middle'), layer: MIDDLE, chain: [BASE, MIDDLE] })
  equal((await want('n1', 'middle')).state, 'none')
  seed.catalogue.putLayer(buildLayerRecord(OWN, { sizeBytes: 99 }))
  seed.catalogue.putImage(own('other-size'))
  equal((await want('n1', 'other-size')).state, 'none')
  deepEqual(assigned(), [])
})

test('who is not known, and what may not be had, is refused', async () => {
  const { seed, own, want } = await start()
  seed.catalogue.putLayer(buildLayerRecord(OWN))
  seed.catalogue.putImage({ ...own('off'), image: { ...own('off').image, status: 'deactivated' } })
  await rejects(want('n1', 'off'), { code: 'SHOAL_IMAGE_DEACTIVATED' })
  await rejects(want('n1', 'nowhere'), { code: 'SHOAL_IMAGE_UNKNOWN' })
  seed.catalogue.putImage(own('on'))
  await rejects(want('stranger', 'on'), { code: 'SHOAL_NODE_UNKNOWN' })
})
