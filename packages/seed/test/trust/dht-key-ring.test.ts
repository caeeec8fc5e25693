import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, silentLogger } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import { DhtKeyRing } from '../../src/trust/dht-key-ring.ts'

test('the key of the DHT is renewed every day and on demand, and the one before holds for a while', async () => {
  const state = createMemoryState()
  const clock = new ManualClock(1_000_000_000)
  const told: number[] = []
  const deps = {
    state,
    clock,
    logger: silentLogger,
    onChange: (keys: readonly Buffer[]) => void told.push(keys.length),
  }
  const ring = new DhtKeyRing(deps)
  await ring.open()
  const [first = ''] = ring.keys
  assert.match(first, /^[0-9a-f]{64}$/)
  await ring.rotate()
  const [second = '', before] = ring.keys
  assert.notEqual(second, first)
  assert.equal(before, first)

  // It survives a restart.
  const again = new DhtKeyRing(deps)
  await again.open()
  assert.deepEqual(again.keys, [second, first])

  const stop = new AbortController()
  const running = again.run({ signal: stop.signal })
  const until = async (isSo: () => boolean) => {
    while (!isSo()) {
      clock.advance(60_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await until(() => again.keys.length === 1)
  assert.deepEqual(again.keys, [second])
  assert.ok(clock.now() - 1_000_000_000 <= 23 * 60_000)
  await until(() => again.keys[0] !== second)
  assert.equal(again.keys[1], second)
  stop.abort()
  await running
  assert.deepEqual(told, [1, 2, 2, 1, 2])
})
