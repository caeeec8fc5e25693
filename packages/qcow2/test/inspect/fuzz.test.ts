import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCase } from './fuzz/run-case.ts'
import { runRange } from './fuzz/run-range.ts'
import { keptSeeds } from './kept-seeds.ts'

const CASES = 20_000
/** A case takes a tenth of a millisecond; the first ones are compiled meanwhile, and now and then memory is collected. */
const MAX_CASE_MS = 1000

function* seeds(count: number): Generator<number> {
  for (let seed = 1; seed <= count; seed += 1) yield seed
}

test(`${CASES} mutated images are accepted or refused with a code, in bounded time and within the file`, async () => {
  const { mutations, accepted, refused, failures, slowestMs, slowestSeed } = await runRange(seeds(CASES))
  assert.deepEqual(failures, [])
  assert.equal(mutations, CASES)
  assert.ok(slowestMs < MAX_CASE_MS, `seed ${slowestSeed} took ${slowestMs} ms`)
  // Otherwise the mutations would all be caught by the first check, or by none.
  assert.ok(accepted > CASES / 20 && refused > CASES / 4, `${accepted} accepted, ${refused} refused`)
})

for (const [seed, fault] of keptSeeds) {
  test(`seed ${seed} fails no more: ${fault}`, async () => {
    assert.equal((await runCase(seed)).failure, undefined)
  })
}
