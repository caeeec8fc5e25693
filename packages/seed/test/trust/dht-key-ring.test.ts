import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, silentLogger } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import { DhtKeyRing, openDhtKeys } from '../../src/trust/dht-key-ring.ts'

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

test('after a revocation there is another key at once, of which nodes are told, and half a minute later no other', async () => {
  const clock = new ManualClock(1_000_000_000)
  const changed: (() => void)[] = []
  const list = { revision: 1, nodes: [], serials: [] }
  const revocations = { list }
  const trust = { onChange: (listener: () => void) => void changed.push(listener) }
  const seen: string[][] = []
  const swarm = { setDhtKeys: (keys: readonly Buffer[]) => void seen.push(keys.map((key) => key.toString('hex'))) }
  let told = 0
  const deps = { state: createMemoryState(), clock, logger: silentLogger }
  const ring = await openDhtKeys({ own: { trust }, revocations } as never, deps, swarm, () => (told += 1))
  const [first] = ring.keys
  assert.equal(told, 0)
  const settled = async () => {
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }
  for (const change of changed) change()
  await settled()
  assert.deepEqual([ring.keys, told], [[first], 0])

  revocations.list = { ...list, revision: 2 }
  for (const change of changed) change()
  await settled()
  assert.equal(told, 1)
  assert.deepEqual([ring.keys.length, ring.keys[1]], [2, first])
  const stop = new AbortController()
  const running = ring.run({ signal: stop.signal })
  for (let seconds = 0; seconds < 40; seconds += 5) {
    clock.advance(5000)
    await settled()
  }
  assert.deepEqual([ring.keys.includes(first ?? ''), ring.keys.length, told], [false, 1, 2])
  assert.deepEqual(seen.at(-1), ring.keys)
  stop.abort()
  await running
})
