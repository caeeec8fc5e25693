import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Source, type SourcePlace } from '../../src/scheduler/source.ts'
import { UsualTimes } from '../../src/scheduler/usual-times.ts'

const sourceAt = (place: SourcePlace) => new Source({ node: place, place, pieceCount: 4 })

test('what is late is told by what is usual at the same place', () => {
  const times = new UsualTimes()
  for (let piece = 0; piece < 100; piece += 1) {
    times.add(sourceAt('near'), 200)
    times.add(sourceAt('far'), 3000)
  }
  assert.ok(times.lateMs(sourceAt('near')) > 200 && times.lateMs(sourceAt('near')) < 2000)
  assert.ok(times.lateMs(sourceAt('far')) > 6000)
})

test('before anything came, what is near is late after a while and what is far never', () => {
  const times = new UsualTimes()
  assert.ok(times.lateMs(sourceAt('near')) < 10_000)
  assert.equal(times.lateMs(sourceAt('far')), Number.POSITIVE_INFINITY)
})

test('a source is slow when it takes far longer than others near us, however short that is at least a second', () => {
  const times = new UsualTimes()
  const source = sourceAt('unknown')
  source.onAsked(0, 1, 0)
  assert.equal(times.isSlow(source, 3_600_000), false)
  times.add(sourceAt('unknown'), 10)
  assert.equal(times.isSlow(source, 500), false)
  assert.equal(times.isSlow(source, 5000), true)
  assert.equal(times.isSlow(sourceAt('unknown'), 5000), false)
  const far = sourceAt('far')
  far.onAsked(0, 1, 0)
  times.add(sourceAt('far'), 10)
  assert.equal(times.isSlow(far, 5000), false)
})

test('what slow sources take does not become usual', () => {
  const times = new UsualTimes()
  times.add(sourceAt('near'), 100)
  const before = times.lateMs(sourceAt('near'))
  const slow = sourceAt('near')
  slow.isSlow = true
  for (let piece = 0; piece < 100; piece += 1) times.add(slow, 60_000)
  assert.equal(times.lateMs(sourceAt('near')), before)
})

test('a slow source is prompt again when it delivers like the others, and not at once', () => {
  const times = new UsualTimes()
  times.add(sourceAt('near'), 100)
  const slow = sourceAt('near')
  slow.isSlow = true
  slow.slowAt = 0
  assert.equal(times.isPromptAgain(slow, 50, 1000), false)
  assert.equal(times.isPromptAgain(slow, 50, 60_000), true)
  assert.equal(times.isPromptAgain(slow, 5000, 60_000), false)
})
