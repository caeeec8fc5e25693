import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { NodePurpose } from '../../src/access/node-purpose.ts'
import { BootWishes } from '../../src/boots/boot-wish.ts'
import { ordinaryClaim } from '../../src/nodes/claims.ts'
import { layerDigest } from '../nodes/known-layers.ts'
import { buildImage } from '../rules/rules-fixture.ts'
import { BootsFixture } from './boots-fixture.ts'

const [BASE, WEB, DB] = [layerDigest(1), layerDigest(2), layerDigest(3)]
const start = () => new BootsFixture().restart()

test('an image that is there is answered with its layers, base first, which are assigned at once and most urgently', async () => {
  const seed = await start()
  seed.publish('web', [BASE, WEB])
  const revision = seed.assignments.revision('n1')
  deepEqual(await seed.want('n1', 'web'), {
    image: 'web',
    state: 'ready',
    layers: [
      { layer: BASE, sizeBytes: 100, bootBytes: 10 },
      { layer: WEB, sizeBytes: 100, bootBytes: 0 },
    ],
    virtualSizeBytes: 2000,
    wantsRecordings: false,
    profileRevision: 3,
  })
  deepEqual(
    seed.assignments.list({ owner: 'boot' }).map(({ node, priority, pinnedUntil }) => [node, priority, pinnedUntil]),
    [
      ['n1', 90, null],
      ['n1', 90, null],
    ],
  )
  deepEqual(seed.asked, [])
  const after = seed.assignments.revision('n1')
  equal(after > revision, true)
  await seed.want('n1', 'web')
  equal(seed.assignments.revision('n1'), after)
})

test('a layer is taken back when the node boots no image of it any more, whoever else wants it keeps it', async () => {
  const seed = await start()
  seed.publish('web', [BASE, WEB])
  seed.publish('db', [BASE, DB])
  await seed.want('n1', 'web')
  await seed.want('n1', 'db')
  await seed.want('n2', 'web')
  seed.assignments.claim('plan-1', new Map([['n1', new Map([[DB, ordinaryClaim(50, null)]])]]))
  await seed.boots.end('n1', 'web')
  deepEqual(seed.claimed('n1'), [BASE, DB])
  await seed.boots.end('n1', 'db')
  deepEqual(seed.claimed('n1'), [])
  deepEqual(
    seed.assignments.ofNode('n1').map(({ layer, owners }) => [layer, owners]),
    [[DB, ['plan-1']]],
  )
  deepEqual(seed.claimed('n2'), [BASE, WEB])
  await seed.boots.end('n1', 'db')
  await seed.boots.end('stranger', 'db')
})

test('what nodes boot survives a restart, so that ends are understood afterwards', async () => {
  const seed = await start()
  seed.publish('web', [BASE, WEB])
  seed.publish('db', [BASE, DB])
  await seed.want('n1', 'web')
  await seed.want('n1', 'db')
  await seed.restart()
  deepEqual(seed.claimed('n1'), [BASE, WEB, DB])
  await seed.boots.end('n1', 'web')
  await seed.restart()
  deepEqual(seed.claimed('n1'), [BASE, DB])
  await seed.boots.end('n1', 'db')
  await seed.restart()
  deepEqual(seed.assignments.ofNode('n1'), [])
})

test('a node that is removed is forgotten with what it booted', async () => {
  const seed = await start()
  seed.publish('web', [BASE, WEB])
  seed.publish('db', [BASE, DB])
  await seed.want('n1', 'web')
  await seed.state.batch([...seed.assignments.forget('n1').operations, ...seed.boots.forget('n1')])
  await seed.restart()
  await seed.want('n1', 'db')
  await seed.boots.end('n1', 'db')
  deepEqual(seed.assignments.ofNode('n1'), [])
})

test('an image that is not there is imported, before what nobody waits for, and is importing until then', async () => {
  const seed = await start()
  seed.shown.set('new', buildImage('new', { finishedAt: null }))
  const first = await seed.want('n1', 'new')
  deepEqual([first.state, first.layers, first.virtualSizeBytes], ['importing', [], 0])
  deepEqual(seed.asked, [['new', 90]])
  deepEqual(seed.claimed('n1'), [])
  equal((await seed.want('n1', 'new')).state, 'importing')
  seed.importing.clear()
  seed.publish('new', [BASE])
  equal((await seed.want('n1', 'new')).state, 'ready')
  deepEqual(seed.claimed('n1'), [BASE])
})

test('while an image that is there gets other layers, and afterwards, a node that boots it keeps its own', async () => {
  const seed = await start()
  seed.publish('web', [DB])
  await seed.want('n1', 'web')
  seed.publish('web', [BASE, WEB])
  deepEqual(
    (await seed.want('n1', 'web')).layers.map(({ layer }) => layer),
    [DB],
  )
  deepEqual(
    (await seed.want('n2', 'web')).layers.map(({ layer }) => layer),
    [BASE, WEB],
  )
  // Once they are withdrawn they are of no use.
  seed.withdraw(DB)
  await seed.want('n1', 'web')
  deepEqual(seed.claimed('n1'), [BASE, WEB])
})

test('nothing is given of an image that is not active, nor to a node that is not known', async () => {
  const seed = await start()
  seed.publish('web', [BASE, WEB])
  await rejects(seed.want('n3', 'web'), { code: 'SHOAL_NODE_UNKNOWN' })
  await rejects(seed.want('n1', 'nothing'), { code: 'SHOAL_IMAGE_UNKNOWN' })
  const put = (change: object) => seed.catalogue.putImage({ ...buildImage('web', change), layer: WEB, chain: null })
  put({ status: 'deactivated' })
  await rejects(seed.want('n1', 'web'), { code: 'SHOAL_IMAGE_DEACTIVATED' })
  put({ status: 'queued' })
  await rejects(seed.want('n1', 'web'), { code: 'SHOAL_IMAGE_NOT_ACTIVE' })
  put({ deletedAt: '2026-01-01T00:00:00.000Z' })
  await rejects(seed.want('n1', 'web'), { code: 'SHOAL_IMAGE_DELETED' })
  deepEqual(seed.claimed('n1'), [])
  deepEqual(seed.asked, [])
})

test('an image whose data was being sent when the library was looked at last is looked at again, and imported', async () => {
  const seed = await start()
  for (const status of ['queued', 'saving', 'importing', 'deactivated'] as const) {
    const image = `web-${status}`
    seed.catalogue.putImage(buildImage(image, { status }))
    seed.shown.set(image, buildImage(image))
    equal((await seed.want('n1', image)).state, 'importing')
  }
  equal(seed.asked.length, 4)
})

test('an import that failed is the answer to all who wait for it, and is tried again for who asks later', async () => {
  const seed = await start()
  const finishedAt = new Date(seed.clock.now()).toISOString()
  seed.shown.set('bad', buildImage('bad', { finishedAt, errorCode: 'SHOAL_IMAGE_BACKING_FILE' }))
  for (const node of ['n1', 'n2']) await rejects(seed.want(node, 'bad'), { code: 'SHOAL_BOOT_IMPORT_FAILED' })
  deepEqual(seed.asked, [])
  seed.clock.advance(30_000)
  equal((await seed.want('n1', 'bad')).state, 'importing')
  equal(seed.asked.length, 1)
})

test('a claim that ended since is laid again when the node asks again', async () => {
  const seed = await start()
  seed.publish('web', [BASE, WEB])
  await seed.want('n1', 'web')
  seed.assignments.unassign(WEB)
  deepEqual(seed.claimed('n1'), [BASE])
  await seed.want('n1', 'web')
  deepEqual(seed.claimed('n1'), [BASE, WEB])
})

test('a node that would record a boot is invited to; one that does not, or has nothing to boot from yet, is not', async () => {
  const seed = await start()
  seed.publish('recorded', [BASE])
  seed.publish('web', [BASE, WEB])
  seed.shown.set('new', buildImage('new', { finishedAt: null }))
  equal((await seed.want('n1', 'recorded')).wantsRecordings, false)
  equal((await seed.want('n1', 'new', { records: true })).wantsRecordings, false)
  deepEqual(seed.invited, [])
  equal((await seed.want('n1', 'recorded', { records: true })).wantsRecordings, true)
  equal((await seed.want('n2', 'web', { records: true })).wantsRecordings, false)
  deepEqual(seed.invited, ['n1 recorded', 'n2 web'])
})

test('what nodes tell of profiles is passed on', async () => {
  const seed = await start()
  seed.publish('web', [BASE, WEB])
  await seed.want('n1', 'web')
  await seed.want('n1', 'web', { foretold: 0.25 })
  deepEqual(seed.heard, [['web', 0.25]])
})

test('that a node was given a private image is known while it is imported, after a restart too, until the node boots it no more', async () => {
  const seed = await start()
  const { image, ...record } = buildImage('mine', { finishedAt: null })
  seed.shown.set('mine', { ...record, image: { ...image, visibility: 'private' } })
  const tokens: string[] = []
  const isAdmitted = async (tenantToken?: string) => {
    const wishes = new BootWishes(seed.state)
    await wishes.open()
    const rights = { admits: async (token: string) => tokens.push(token) > 0 && token === 'good' }
    const looks = { look: async () => undefined }
    const { catalogue, assignments } = seed
    const purpose = new NodePurpose({ catalogue, assignments, wishes, rights, looks }, { trustNodes: false })
    return purpose.check('n1', 'mine', { tenantToken }).then(
      () => true,
      ({ code }) => code,
    )
  }
  equal((await seed.want('n2', 'mine')).state, 'importing')
  equal(await isAdmitted(), 'SHOAL_IMAGE_NO_PURPOSE')
  equal(await isAdmitted('bad'), 'SHOAL_IMAGE_NO_PURPOSE')
  equal(await isAdmitted('good'), true)
  equal((await seed.want('n1', 'mine')).state, 'importing')
  await seed.restart()
  equal(await isAdmitted(), true)
  await seed.boots.end('n1', 'mine')
  equal(await isAdmitted(), 'SHOAL_IMAGE_NO_PURPOSE')
  deepEqual(tokens, ['bad', 'good'])
})
