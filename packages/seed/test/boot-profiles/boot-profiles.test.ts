import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Digest, MAX_BOOT_BLOCKS_BYTES } from '@shoal/core'
import {
  BASE,
  IMAGE,
  imageId,
  MIDDLE,
  OTHER_BASE,
  OTHER_MIDDLE,
  openProfiles,
  recordingOf,
} from './profiles-fixture.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const BOOT = [5, 1003, 6, 9, 1001]

async function withImage(options: Parameters<typeof openProfiles>[0] = {}) {
  const fixture = await openProfiles(options)
  await fixture.know(IMAGE, [BASE, MIDDLE])
  await fixture.open()
  return fixture
}

describe('boot profiles', () => {
  test('a recorded boot becomes a signed profile of the layers of its image', async () => {
    const fixture = await withImage()
    const { profiles } = fixture
    assert.equal(profiles.revision(IMAGE), 0)
    assert.equal(profiles.blocks(IMAGE), undefined)
    const status = await fixture.record(IMAGE, BOOT)
    assert.deepEqual(
      fixture.blocks(IMAGE)?.layers.map(({ digest, blocks }) => [digest, blocks]),
      [
        [BASE, 2048],
        [MIDDLE, 2048],
      ],
    )
    assert.equal(fixture.blocks(IMAGE)?.revision, profiles.revision(IMAGE))
    const { updatedAt, ...shown } = status
    assert.equal(updatedAt, '2001-09-09T01:46:40.000Z')
    assert.deepEqual(shown, {
      ...{ image: IMAGE, revision: profiles.revision(IMAGE), recordings: 1, wantsRecordings: true },
      ...{ bytes: 5 * 131_072, stability: 1 },
    })
    assert.deepEqual(fixture.order(IMAGE), BOOT)
  })

  test('so many recordings are wanted, and the newest of them make the profile', async () => {
    const fixture = await withImage({ recordings: 3 })
    for (const round of [1, 2, 3]) {
      assert.ok(fixture.profiles.wantsRecordings(IMAGE), `round ${round}`)
      await fixture.record(IMAGE, BOOT)
    }
    assert.equal(fixture.profiles.wantsRecordings(IMAGE), false)
    const { revision } = fixture.profiles.status(IMAGE)
    const status = await fixture.record(IMAGE, [1, 2, 3])
    assert.deepEqual([status.recordings, status.revision], [3, revision])
    assert.deepEqual(fixture.order(IMAGE), BOOT)
    assert.equal(fixture.tasks.length, 3)
  })

  test('when an image boots in another way, recordings are wanted until the profile is of that', async () => {
    const fixture = await withImage({ recordings: 3 })
    for (let round = 0; round < 3; round += 1) await fixture.record(IMAGE, BOOT)
    const { revision } = fixture.profiles.status(IMAGE)
    assert.equal(fixture.profiles.wantsRecordings(IMAGE), false)
    // Nobody would see it if no boot were ever recorded again.
    fixture.clock.advance(DAY_MS)
    assert.ok(fixture.profiles.wantsRecordings(IMAGE))
    const another = [5, 700, 701, 702, 703, 1500]
    await fixture.record(IMAGE, another)
    assert.ok(fixture.profiles.wantsRecordings(IMAGE))
    assert.ok(fixture.profiles.revision(IMAGE) > revision)
    assert.ok(fixture.profiles.status(IMAGE).stability < 0.5)
    for (let round = 0; round < 2; round += 1) await fixture.record(IMAGE, another)
    assert.deepEqual(fixture.order(IMAGE), another)
    assert.equal(fixture.profiles.status(IMAGE).stability, 1)
  })

  test('newer recordings count more: one that is unlike five is an exception, two are how it boots now', async () => {
    const fixture = await withImage({ recordings: 5 })
    for (let round = 0; round < 5; round += 1) await fixture.record(IMAGE, BOOT)
    fixture.clock.advance(DAY_MS)
    const another = [700, 5, 701, 702]
    await fixture.record(IMAGE, another)
    assert.deepEqual(fixture.order(IMAGE).slice(0, BOOT.length), BOOT)
    await fixture.record(IMAGE, another)
    assert.deepEqual(fixture.order(IMAGE).slice(0, another.length), another)
    const scores = fixture.blocks(IMAGE)?.runs.map(({ score }) => score) ?? []
    assert.ok(scores.every((score) => score > 0 && score <= 1))
    assert.ok(scores.some((score) => score === 1))
  })

  test('a boot that is as the profile says changes nothing, and a day passes until the next is wanted', async () => {
    const fixture = await withImage({ recordings: 2 })
    for (let round = 0; round < 2; round += 1) await fixture.record(IMAGE, BOOT)
    const before = fixture.profiles.status(IMAGE)
    fixture.clock.advance(DAY_MS)
    await fixture.record(IMAGE, BOOT)
    assert.deepEqual(fixture.profiles.status(IMAGE), before)
    fixture.clock.advance(DAY_MS - 1)
    assert.equal(fixture.profiles.wantsRecordings(IMAGE), false)
  })

  test('an image without recordings has the profile of its base', async () => {
    const fixture = await withImage()
    const other = imageId(2)
    const stranger = imageId(3)
    await fixture.know(other, [BASE, OTHER_MIDDLE])
    await fixture.know(stranger, [OTHER_BASE])
    await fixture.record(IMAGE, BOOT)
    assert.deepEqual(fixture.order(other), [5, 6, 9])
    assert.deepEqual(
      fixture.blocks(other)?.layers.map(({ digest }) => digest),
      [BASE],
    )
    assert.ok(fixture.profiles.wantsRecordings(other))
    assert.equal(fixture.profiles.blocks(stranger), undefined)
    const lent = fixture.profiles.revision(other)
    await fixture.record(other, [9, 1700])
    assert.deepEqual(fixture.order(other), [9, 1700])
    assert.ok(fixture.profiles.revision(other) > lent)
    await fixture.know(imageId(4), [BASE])
    assert.deepEqual(
      fixture.order(imageId(4)).toSorted((a, b) => a - b),
      [5, 6, 9],
    )
  })

  test("one image that boots often is not all of its base's profile", async () => {
    const fixture = await withImage({ recordings: 8 })
    for (const [number, block] of [
      [2, 70],
      [3, 80],
    ] as const) {
      await fixture.know(imageId(number), [BASE, OTHER_MIDDLE])
      await fixture.record(imageId(number), [block])
    }
    for (let round = 0; round < 8; round += 1) await fixture.record(IMAGE, BOOT)
    const asked = imageId(9)
    await fixture.know(asked, [BASE])
    assert.equal(fixture.profiles.status(asked).recordings, 4)
    assert.deepEqual(new Set(fixture.order(asked)), new Set([5, 6, 9, 70, 80]))
  })

  test('it survives a restart, byte for byte', async () => {
    const fixture = await withImage()
    await fixture.record(IMAGE, BOOT)
    await fixture.record(IMAGE, [5, 6])
    const before = fixture.profiles.blocks(IMAGE)
    const { state, clock } = fixture
    const again = await openProfiles({ state, clock })
    await again.open()
    assert.deepEqual(again.profiles.blocks(IMAGE), before)
    assert.deepEqual(again.profiles.status(IMAGE), fixture.profiles.status(IMAGE))
    await again.record(IMAGE, [5, 6])
    assert.ok(again.profiles.revision(IMAGE) > fixture.profiles.revision(IMAGE))
    assert.equal(again.profiles.status(IMAGE).recordings, 3)
  })

  test('when an image gets other layers, what was recorded is found in them', async () => {
    const fixture = await withImage()
    await fixture.know(IMAGE, [BASE])
    await fixture.record(IMAGE, BOOT)
    const { revision } = fixture.profiles.status(IMAGE)
    assert.deepEqual(fixture.order(IMAGE), [5, 6, 9])
    await fixture.know(IMAGE, [OTHER_BASE, MIDDLE])
    // The base that it has now has no profile; that of the layers that it had would be of no use.
    assert.equal(fixture.profiles.blocks(IMAGE), undefined)
    for (let turn = 0; turn < 1000 && fixture.profiles.blocks(IMAGE) === undefined; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.deepEqual(fixture.order(IMAGE), BOOT)
    assert.ok(fixture.profiles.revision(IMAGE) > revision)
    assert.equal(fixture.profiles.status(IMAGE).recordings, 1)
  })

  test('a recording that comes first after that is added to what was recorded before', async () => {
    const fixture = await withImage()
    await fixture.record(IMAGE, BOOT)
    await fixture.know(IMAGE, [OTHER_BASE, OTHER_MIDDLE])
    const status = await fixture.record(IMAGE, BOOT)
    assert.equal(status.recordings, 2)
    assert.deepEqual(fixture.order(IMAGE), BOOT)
  })

  test('images that are gone are forgotten, and so are bases', async () => {
    const fixture = await withImage()
    await fixture.record(IMAGE, BOOT)
    await fixture.know(IMAGE, [BASE, MIDDLE], { deletedAt: '2026-01-01T00:00:00Z' })
    assert.equal(fixture.profiles.blocks(IMAGE), undefined)
    assert.equal(fixture.profiles.wantsRecordings(IMAGE), false)
    await assert.rejects(fixture.record(IMAGE, BOOT), { code: 'SHOAL_IMAGE_DELETED' })
    fixture.catalogue.removeLayer(BASE)
    await fixture.open()
    const kept: string[] = []
    for await (const { key } of fixture.state.range({ prefix: 'seed/boot-' })) kept.push(key)
    assert.deepEqual(kept, [])
  })

  test('what is no recording of this image is refused and changes nothing', async () => {
    const fixture = await withImage()
    const send = (profile: string, image = IMAGE) => fixture.profiles.record('n1', { image, profile })
    const other = recordingOf(imageId(2), BOOT)
    const otherSize = recordingOf(IMAGE, BOOT, 2 ** 31)
    await assert.rejects(send('nonsense'), { code: 'SHOAL_BOOT_PROFILE_HEADER' })
    await assert.rejects(send(`${recordingOf(IMAGE, BOOT)}[1,2]\n`), { code: 'SHOAL_BOOT_PROFILE_LINE' })
    await assert.rejects(send(other), { code: 'SHOAL_BOOT_PROFILE_OTHER_DISK' })
    await assert.rejects(send(otherSize), { code: 'SHOAL_BOOT_PROFILE_OTHER_DISK' })
    await assert.rejects(send(other, imageId(2)), { code: 'SHOAL_IMAGE_UNKNOWN' })
    assert.throws(() => fixture.profiles.status(imageId(2)), { code: 'SHOAL_IMAGE_UNKNOWN' })
    await send(recordingOf(IMAGE, []))
    assert.deepEqual([fixture.profiles.revision(IMAGE), fixture.tasks.length], [0, 0])
    // Of the layer that is the image's topmost it is as good.
    await send(recordingOf(MIDDLE, BOOT))
    assert.equal(fixture.profiles.status(IMAGE).recordings, 1)
  })

  test('an image that goes while its recording is worked on gets no profile', async () => {
    const fixture = await withImage()
    const { promise, resolve } = Promise.withResolvers<void>()
    fixture.worker.gate = promise
    const recorded = fixture.record(IMAGE, BOOT)
    while (fixture.tasks.length === 0) await new Promise((resolve) => setImmediate(resolve))
    await fixture.know(IMAGE, [BASE, MIDDLE], { deletedAt: '2026-01-01T00:00:00Z' })
    resolve()
    await assert.rejects(recorded, { code: 'SHOAL_BOOT_PROFILE_NO_LAYERS' })
    await fixture.know(IMAGE, [BASE, MIDDLE])
    assert.equal(fixture.profiles.revision(IMAGE), 0)
  })

  test('only so many recordings wait, and what comes when enough are there is not worked on', async () => {
    const fixture = await withImage({ recordings: 2 })
    const { promise, resolve } = Promise.withResolvers<void>()
    fixture.worker.gate = promise
    const results = Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => fixture.record(IMAGE, BOOT, `n${index}`)),
    )
    while (fixture.tasks.length === 0) await new Promise((resolve) => setImmediate(resolve))
    resolve()
    const settled = await results
    const refused = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))
    assert.deepEqual(refused, Array(4).fill('SHOAL_BOOT_PROFILE_BUSY'))
    assert.equal(fixture.tasks.length, 2)
    assert.equal(fixture.profiles.status(IMAGE).recordings, 2)
  })

  test('stopping ends what waits and what runs', async () => {
    const fixture = await withImage()
    const { promise, resolve } = Promise.withResolvers<void>()
    fixture.worker.gate = promise
    const results = Promise.allSettled([fixture.record(IMAGE, BOOT), fixture.record(IMAGE, BOOT)])
    while (fixture.tasks.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const stopped = fixture.profiles.stop()
    resolve()
    await stopped
    const [, second] = await results
    assert.equal(second?.status, 'rejected')
    assert.equal(fixture.tasks.length, 1)
  })

  test('of many nodes that boot at once a few are to record, the same ones when they ask again', async () => {
    const fixture = await withImage({ recordings: 2 })
    const nodes = Array.from({ length: 1000 }, (_, index) => `n${index}`)
    const invited = nodes.filter((node) => fixture.profiles.invites(IMAGE, node))
    assert.deepEqual(invited, ['n0', 'n1', 'n2', 'n3'])
    assert.deepEqual(
      nodes.filter((node) => fixture.profiles.invites(IMAGE, node)),
      invited,
    )
    await fixture.record(IMAGE, BOOT, 'n1')
    // One is wanted still; three are on their way.
    assert.equal(fixture.profiles.invites(IMAGE, 'n900'), false)
    fixture.clock.advance(10 * 60_000)
    assert.ok(fixture.profiles.invites(IMAGE, 'n900'))
    await fixture.record(IMAGE, BOOT, 'n900')
    assert.deepEqual(
      nodes.filter((node) => fixture.profiles.invites(IMAGE, node)),
      [],
    )
  })

  test('when nodes find a profile of little use a boot is recorded, unless that was only just done', async () => {
    const fixture = await withImage({ recordings: 2 })
    for (let round = 0; round < 2; round += 1) await fixture.record(IMAGE, BOOT)
    const { profiles, clock } = fixture
    profiles.hear(IMAGE, 0.1)
    profiles.hear(imageId(2), 0.1)
    assert.equal(profiles.wantsRecordings(IMAGE), false)
    clock.advance(10 * 60_000)
    profiles.hear(IMAGE, 0.9)
    assert.equal(profiles.wantsRecordings(IMAGE), false)
    profiles.hear(IMAGE, 0.5)
    assert.ok(profiles.invites(IMAGE, 'n1'))
    assert.ok(profiles.invites(IMAGE, 'n2'))
    assert.equal(profiles.invites(IMAGE, 'n3'), false)
    await fixture.record(IMAGE, BOOT, 'n2')
    assert.equal(profiles.wantsRecordings(IMAGE), false)
    clock.advance(10 * 60_000)
    profiles.hear(IMAGE, 0.5)
    await fixture.record(IMAGE, [700, 701, 702])
    assert.ok(profiles.wantsRecordings(IMAGE))
  })

  test('without recordings nothing is ever wanted', async () => {
    const fixture = await withImage({ recordings: 0 })
    assert.equal(fixture.profiles.wantsRecordings(IMAGE), false)
    assert.equal((await fixture.record(IMAGE, BOOT)).revision, 0)
  })

  test('a layer is told with the image whose profile has most boots behind it', async () => {
    const fixture = await withImage()
    assert.equal(fixture.profiles.ofLayer(BASE), undefined)
    await fixture.know(imageId(2), [BASE, OTHER_MIDDLE])
    await fixture.record(imageId(2), [5])
    await fixture.record(IMAGE, BOOT)
    await fixture.record(IMAGE, BOOT)
    const of = (layer: Digest) => {
      const { image, revision } = fixture.profiles.ofLayer(layer) ?? {}
      assert.equal(revision, fixture.profiles.revision(image ?? ''))
      return image
    }
    assert.deepEqual([of(MIDDLE), of(OTHER_MIDDLE), of(BASE)], [IMAGE, imageId(2), IMAGE])
    const bytes = [BASE, MIDDLE].map((layer) => fixture.profiles.ofLayer(layer)?.bytes ?? 0)
    assert.ok(bytes.every((count) => count > 0))
    assert.equal((bytes[0] ?? 0) + (bytes[1] ?? 0), fixture.profiles.status(IMAGE).bytes)
  })

  test('the images of a layer are not looked through for every node that it is assigned to', async () => {
    const fixture = await withImage()
    let looked = 0
    const { imagesOf } = fixture.catalogue
    fixture.catalogue.imagesOf = (layer) => {
      looked += 1
      return imagesOf.call(fixture.catalogue, layer)
    }
    for (let node = 0; node < 100; node += 1) assert.equal(fixture.profiles.ofLayer(BASE), undefined)
    assert.equal(looked, 1)
    await fixture.record(IMAGE, BOOT)
    for (let node = 0; node < 100; node += 1) assert.equal(fixture.profiles.ofLayer(BASE)?.image, IMAGE)
    assert.equal(looked, 2)
    await fixture.know(imageId(2), [BASE, OTHER_MIDDLE])
    fixture.clock.advance(10_000)
    fixture.profiles.ofLayer(BASE)
    assert.equal(looked, 3)
  })

  test('however much a boot reads, its profile can be sent', async () => {
    const fixture = await withImage()
    const every = Array.from({ length: 4000 }, (_, index) => (index * 7) % 4001).filter((block) => block < 3000)
    await fixture.record(IMAGE, every)
    const encoded = fixture.profiles.blocks(IMAGE)
    assert.ok(encoded !== undefined && encoded.length <= MAX_BOOT_BLOCKS_BYTES)
    assert.equal(fixture.order(IMAGE).length, new Set(every).size)
  })
})
