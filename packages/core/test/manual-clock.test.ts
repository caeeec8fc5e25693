import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Clock, ManualClock, systemClock } from '@shoal/core'

describe('ManualClock', () => {
  test('stands still until it is moved, and wakes sleepers in the order of their time', async () => {
    const clock = new ManualClock(1000)
    const woken: number[] = []
    const sleeps = [30, 10, 20].map((delayMs) => clock.sleep(delayMs).then(() => woken.push(delayMs)))
    clock.advance(20)
    await Promise.all([sleeps[1], sleeps[2]])
    assert.deepEqual(woken, [10, 20])
    assert.equal(clock.now(), 1020)
    clock.advance(10)
    await Promise.all(sleeps)
    assert.deepEqual(woken, [10, 20, 30])
  })
})

for (const [name, clock] of [
  ['ManualClock', new ManualClock()],
  ['systemClock', systemClock],
] as [string, Clock][]) {
  test(`a sleep of ${name} rejects with the reason of its signal, aborted before or meanwhile`, async () => {
    const reason = new Error('enough')
    await assert.rejects(clock.sleep(1e6, { signal: AbortSignal.abort(reason) }), reason)
    const controller = new AbortController()
    const sleep = assert.rejects(clock.sleep(1e6, { signal: controller.signal }), reason)
    controller.abort(reason)
    await sleep
  })
}
