import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Source, SourceHints } from '../../src/nodes/source-hints.ts'

const LAYER = 'sha256:one'

function fleet(): Source[] {
  const places = [
    ['z1', 'r1'],
    ['z1', 'r2'],
    ['z1', 'r3'],
    ['z2', 'r4'],
  ] as const
  return places.flatMap(([zone, rack]) =>
    [1, 2, 3].map((index) => ({ node: `${rack}n${index}`, address: `${rack}n${index}:1`, zone, rack })),
  )
}

function hintsOf(sources: Source[]): SourceHints {
  return new SourceHints(() => sources)
}

const racksOf = (addresses: string[]) => addresses.map((address) => address.slice(0, 2))

describe('whom a node is told of', () => {
  test('its rack comes first, then its zone, then any, itself never', () => {
    const hints = hintsOf(fleet())
    const told = hints.near(LAYER, { node: 'r2n1', place: { zone: 'z1', rack: 'r2' }, limit: 100 })
    assert.deepEqual(racksOf(told.slice(0, 2)), ['r2', 'r2'])
    assert.deepEqual(new Set(racksOf(told.slice(2, 8))), new Set(['r1', 'r3']))
    assert.deepEqual(racksOf(told.slice(8)), ['r4', 'r4', 'r4'])
    assert.equal(new Set(told).size, 11)
    assert.ok(!told.includes('r2n1:1'))
  })

  test('all are as far from a place that nobody knows, or where nobody has it', () => {
    const hints = hintsOf(fleet())
    for (const place of [undefined, { zone: 'z9', rack: 'r1' }]) {
      assert.equal(new Set(hints.near(LAYER, { node: 'x', place, limit: 100 })).size, 12)
    }
  })

  test('no more than the limit, and others first to others', () => {
    const hints = hintsOf(fleet())
    const told = Array.from({ length: 40 }, (_, index) => {
      return hints.near(LAYER, { node: `x${index}`, place: undefined, limit: 2 })
    })
    assert.ok(told.every(({ length }) => length === 2))
    assert.equal(new Set(told.map(([first]) => first)).size, 12)
  })

  test('who has it is asked once, and again when that changed', () => {
    const sources = fleet()
    let asked = 0
    const hints = new SourceHints(() => {
      asked += 1
      return sources
    })
    const ask = () => hints.near(LAYER, { node: 'x', place: undefined, limit: 100 }).length
    assert.deepEqual([ask(), ask(), asked], [12, 12, 1])
    sources.pop()
    hints.forget('sha256:other')
    assert.equal(ask(), 12)
    hints.forget(LAYER)
    assert.deepEqual([ask(), asked], [11, 2])
    hints.forget()
    assert.deepEqual([ask(), asked], [11, 3])
  })
})
