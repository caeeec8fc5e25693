import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getHeapSpaceStatistics } from 'node:v8'
import { holdYoungGeneration } from '../src/young-generation.ts'

const OBJECTS = 2_000_000
/** So many of them survive a collection, which is what makes V8 grow the space. */
const KEPT = 40_000

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? Number.NaN
}

test('the young generation no longer grows, whatever survives in it', () => {
  holdYoungGeneration()
  let kept: object[] = []
  for (let index = 0; index < OBJECTS; index += 1) {
    kept.push({ index, list: [index] })
    if (kept.length > KEPT) kept = kept.slice(KEPT / 2)
  }
  assert.ok(kept.length > 0)
  // What it may have grown to before it was held; without that it is several times as much after this.
  assert.ok(youngBytes() <= 20 * 1024 ** 2, `${youngBytes()} bytes`)
})
