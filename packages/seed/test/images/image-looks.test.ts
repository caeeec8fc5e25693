import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { ImageLooks } from '../../src/images/image-looks.ts'
import type { ImageRecord } from '../../src/images/image-record.ts'
import { buildImage } from '../rules/rules-fixture.ts'

/** A library that shows `library`, of which `known` was seen before. */
function start() {
  const clock = new ManualClock(1_700_000_000_000)
  const known = new Map<string, ImageRecord>()
  const library = new Map<string, ImageRecord>()
  const asked: string[] = []
  const refresh = async (image: string) => {
    asked.push(image)
    await Promise.resolve()
    const found = library.get(image)
    if (found !== undefined) known.set(image, found)
    return found
  }
  const looks = new ImageLooks({ catalogue: { image: (id) => known.get(id) }, watcher: { refresh }, clock })
  return { clock, known, library, asked, looks }
}

test('however many wait for an image, the library is asked for it once a second', async () => {
  const { clock, library, asked, looks } = start()
  const all = () => Promise.all(Array.from({ length: 1000 }, () => looks.look('web')))
  deepEqual(new Set(await all()), new Set([undefined]))
  const web = buildImage('web')
  library.set('web', web)
  clock.advance(999)
  equal(await looks.look('web'), undefined)
  equal(asked.length, 1)
  clock.advance(1)
  deepEqual(new Set(await all()), new Set([web]))
  equal(asked.length, 2)
  // What was seen of it meanwhile is what everybody gets.
  const other = buildImage('other')
  library.set('other', other)
  deepEqual([await looks.look('other'), await looks.look('web')], [other, web])
  deepEqual(asked, ['web', 'web', 'other'])
})

test('that the library does not answer is told to all who wait, and it is asked again later', async () => {
  const clock = new ManualClock(1_700_000_000_000)
  let asked = 0
  const refresh = async () => {
    asked += 1
    throw new Error('the library is away')
  }
  const looks = new ImageLooks({ catalogue: { image: () => undefined }, watcher: { refresh }, clock })
  await Promise.all([1, 2].map(() => rejects(looks.look('web'), /is away/)))
  equal(asked, 1)
  clock.advance(1000)
  await rejects(looks.look('web'), /is away/)
  equal(asked, 2)
})

test('of several images those are looked for that are not known as active, up to the first that is not there', async () => {
  const { known, library, asked, looks } = start()
  known.set('here', buildImage('here'))
  known.set('saved', buildImage('saved', { status: 'saving' }))
  known.set('gone', buildImage('gone', { deletedAt: '2026-01-01T00:00:00.000Z' }))
  for (const image of ['here', 'saved', 'gone', 'new', 'last']) library.set(image, buildImage(image))
  await looks.lookForMissing(['here', 'saved', 'gone', 'new'])
  deepEqual(asked, ['saved', 'gone', 'new'])
  equal(known.get('saved')?.image.status, 'active')
  await looks.lookForMissing(['nowhere', 'last'])
  deepEqual(asked, ['saved', 'gone', 'new', 'nowhere'])
})
