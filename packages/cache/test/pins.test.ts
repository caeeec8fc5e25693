import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import { Pins } from '../src/pins.ts'
import { digestOf } from './memory-stock.ts'

function createFixture() {
  const deps = { state: createMemoryState(), clock: new ManualClock(1000) }
  return { ...deps, deps, pins: new Pins(deps) }
}

const operators = { digest: digestOf(1), kind: 'operator', owner: 'release day', expiresAt: null } as const

suite('pins', () => {
  test('hold over a restart, each with its owner and time', async () => {
    const { deps, pins, clock } = createFixture()
    await pins.add(operators)
    clock.advance(500)
    await pins.add({ ...operators, digest: digestOf(2), owner: 'später', expiresAt: 9000 })
    const restarted = new Pins(deps)
    await restarted.open()
    assert.deepEqual(restarted.all(), [
      { ...operators, since: 1000 },
      { ...operators, digest: digestOf(2), owner: 'später', expiresAt: 9000, since: 1500 },
    ])
    assert.deepEqual(restarted.of(digestOf(2)), pins.of(digestOf(2)))
  })

  test('end at their time, also those that ended while nobody looked', async () => {
    const { deps, pins, clock, state } = createFixture()
    await pins.add({ ...operators, expiresAt: 2000 })
    assert.equal(pins.of(digestOf(1)).length, 1)
    clock.advance(1000)
    assert.deepEqual(pins.all(), [])
    const restarted = new Pins(deps)
    await restarted.open()
    assert.deepEqual(restarted.all(), [])
    assert.equal((await Array.fromAsync(state.range({ prefix: 'cache/' }))).length, 0)
  })

  test('of one owner on one layer there is one, which can be prolonged', async () => {
    const { pins, clock } = createFixture()
    await pins.add({ ...operators, expiresAt: 2000 })
    clock.advance(500)
    await pins.add({ ...operators, expiresAt: 3000 })
    assert.deepEqual(pins.all(), [{ ...operators, since: 1000, expiresAt: 3000 }])
  })

  test('long owners that begin alike are told apart', async () => {
    const { pins } = createFixture()
    for (const end of ['one', 'other']) await pins.add({ ...operators, owner: `${'ü'.repeat(190)} ${end}` })
    assert.equal(pins.of(digestOf(1)).length, 2)
  })

  test('are taken back by owner; one that is not there is an error', async () => {
    const { deps, pins } = createFixture()
    await pins.add(operators)
    await assert.rejects(pins.remove({ ...operators, owner: 'somebody else' }), { code: 'SHOAL_CACHE_PIN_UNKNOWN' })
    await pins.remove(operators)
    assert.deepEqual(pins.all(), [])
    const restarted = new Pins(deps)
    await restarted.open()
    assert.deepEqual(restarted.all(), [])
  })
})
