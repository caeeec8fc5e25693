import assert from 'node:assert/strict'
import { test } from 'node:test'
import { READ_SLOTS, readAhead } from '../src/read-ahead.ts'

test('what is read comes in order, some of it ahead, and no slot is used before its last use is over', async () => {
  const inUse = new Set<number>()
  let most = 0
  const read = async (thing: number, slot: number) => {
    assert.ok(slot >= 0 && slot < READ_SLOTS)
    assert.ok(!inUse.has(slot), `slot ${slot} is in use`)
    inUse.add(slot)
    most = Math.max(most, inUse.size)
    // Later ones are faster.
    for (let turn = thing; turn < 10; turn += 1) await Promise.resolve()
    return { thing, slot }
  }
  const things: number[] = []
  for await (const { thing, slot } of readAhead([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], read)) {
    things.push(thing)
    await Promise.resolve()
    inUse.delete(slot)
  }
  assert.deepEqual(things, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.equal(most, READ_SLOTS)
})

test('a failure comes in its turn, and one that nobody waits for harms nobody', async () => {
  const fault = new Error('bad sector')
  const read = async (thing: number) => {
    if (thing >= 3) throw fault
    return thing
  }
  const seen: number[] = []
  await assert.rejects(async () => {
    for await (const thing of readAhead([1, 2, 3, 4, 5], read)) seen.push(thing)
  }, fault)
  assert.deepEqual(seen, [1, 2])
  for await (const thing of readAhead([1, 4, 5], read)) {
    assert.equal(thing, 1)
    break
  }
})

test('nothing to read gives nothing', async () => {
  for await (const thing of readAhead([], async () => 1)) assert.fail(String(thing))
})
