import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { Digest } from '@shoal/core'
import { FirstReads } from '../../src/boot/first-reads.ts'
import type { ProfileCount } from '../../src/boot/profile-hits.ts'
import { ProfileHits } from '../../src/boot/profile-hits.ts'
import { manifestOf } from './manifest-of.ts'

const [BASE, MIDDLE]: readonly Digest[] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`]
const BLOCK = 131_072
const base = manifestOf(BASE ?? 'sha256:', 100)
const middle = manifestOf(MIDDLE ?? 'sha256:', 10)

/** `foretells`: by layer and number of the block; all of what is asked is noted. */
function start(foretells: (layer: Digest, block: number) => boolean | undefined) {
  const asked: [layer: Digest, offset: number][] = []
  const news: ProfileCount[] = []
  const booted: ProfileCount[] = []
  const reads = new FirstReads({
    foretells: (layer, offset) => {
      asked.push([layer, offset])
      return foretells(layer, Math.floor(offset / BLOCK))
    },
    onFirst: (blocks) => news.push(blocks),
    onBooted: (blocks) => booted.push(blocks),
  })
  return { reads, asked, news, booted }
}

test('each block of each layer counts at its first read, whatever part of it is read', () => {
  const { reads, asked, news } = start((layer, block) => layer === BASE && block < 3)
  reads.begin(0)
  reads.touch(base, 5, 10)
  reads.touch(base, BLOCK - 1, 1)
  reads.touch(base, BLOCK - 1, 2)
  reads.touch(base, 2 * BLOCK, 2 * BLOCK)
  reads.touch(middle, 0, 1)
  reads.touch(base, 0, 4 * BLOCK)
  deepEqual(news, [
    { foretold: 1, others: 0 },
    { foretold: 1, others: 0 },
    { foretold: 1, others: 1 },
    { foretold: 0, others: 1 },
  ])
  // The byte that is read, not the first of its block: the profile may be cut into smaller ones.
  deepEqual(asked.slice(0, 2), [
    [BASE, 5],
    [BASE, BLOCK],
  ])
  equal(asked.length, 5)
})

test('behind the end of a layer, as where a raw one is filled up with zeros, there is nothing', () => {
  const { reads, news } = start(() => true)
  reads.touch(middle, 9 * BLOCK, 5 * BLOCK)
  reads.touch(middle, 10 * BLOCK, 512)
  deepEqual(news, [{ foretold: 1, others: 0 }])
})

test('without a profile nothing is counted, nor asked a second time', () => {
  const { reads, asked, news } = start(() => undefined)
  for (let time = 0; time < 3; time += 1) reads.touch(base, 0, 2 * BLOCK)
  deepEqual([news, asked.length], [[], 2])
})

test('it ends three minutes after the first read, or when the machine was quiet, and tells the sum once', () => {
  for (const [steps, endsAt] of [
    [Array.from({ length: 9 }, (_, index) => index * 20_000), 180_000],
    [[0, 5000], 35_000],
  ] as const) {
    const { reads, news, booted } = start((_, block) => block % 2 === 0)
    for (const [index, atMs] of steps.entries()) {
      reads.begin(1_000_000 + atMs)
      reads.touch(base, index * BLOCK, BLOCK)
    }
    deepEqual([news.length, booted], [steps.length, []])
    reads.begin(1_000_000 + endsAt)
    reads.touch(base, 99 * BLOCK, 512)
    reads.begin(1_000_000 + endsAt + 200_000)
    equal(news.length, steps.length)
    deepEqual(booted, [{ foretold: Math.ceil(steps.length / 2), others: Math.floor(steps.length / 2) }])
  }
})

test('what somebody reads who only looks at the disk does not end it', () => {
  const { reads, news, booted } = start(() => true)
  reads.begin(1000)
  reads.touch(base, 0, 4096)
  reads.begin(1000 + 3_600_000)
  reads.touch(base, 0, 4 * BLOCK)
  reads.begin(1000 + 3_600_000 + 29_999)
  deepEqual([news.length, booted], [2, []])
  reads.begin(1000 + 3_600_000 + 200_000)
  deepEqual(booted, [{ foretold: 4, others: 0 }])
})

test('what the last boot of an image found is told once; of a few blocks nothing can be told', () => {
  const hits = new ProfileHits()
  hits.add('web', { foretold: 90, others: 10 })
  hits.add('web', { foretold: 30, others: 10 })
  hits.add('db', { foretold: 10, others: 10 })
  deepEqual([hits.take('web'), hits.take('web'), hits.take('db')], [0.75, undefined, undefined])
  for (let image = 0; image <= 1000; image += 1) hits.add(`image${image}`, { foretold: 0, others: 50 })
  deepEqual([hits.take('image0'), hits.take('image1000')], [undefined, 0])
})
