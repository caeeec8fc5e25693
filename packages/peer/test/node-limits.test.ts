import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, MIN_TRANSFER_BYTES_PER_SECOND, NO_TRANSFER_LIMITS } from '@shoal/core'
import { NodeLimitsKeeper } from '../src/node-limits.ts'

const MB = 1_000_000

test('the lower of what this node is configured to and what the seed says holds, in each class', () => {
  const classes = Object.keys(NO_TRANSFER_LIMITS) as (keyof typeof NO_TRANSFER_LIMITS)[]
  for (const name of classes) {
    for (const [configured, fleet, effective] of [
      [null, null, null],
      [null, 5 * MB, 5 * MB],
      [3 * MB, null, 3 * MB],
      [3 * MB, 5 * MB, 3 * MB],
      [5 * MB, 3 * MB, 3 * MB],
      // A seed of another version may say what cannot be kept.
      [null, 1, MIN_TRANSFER_BYTES_PER_SECOND],
    ] as const) {
      const limits = new NodeLimitsKeeper(new ManualClock(), { ...NO_TRANSFER_LIMITS, [name]: configured })
      const said = { ...NO_TRANSFER_LIMITS, [name]: fleet }
      limits.setFleet(said)
      const expected = { ...NO_TRANSFER_LIMITS, [name]: effective }
      assert.deepEqual(limits.transfers.rates, expected)
      assert.deepEqual(limits.status(), {
        configured: { ...NO_TRANSFER_LIMITS, [name]: configured },
        fleet: said,
        effective: expected,
      })
    }
  }
})

test('who waits passes when the seed takes its limit away', async () => {
  const limits = new NodeLimitsKeeper(new ManualClock(), NO_TRANSFER_LIMITS)
  limits.setFleet({ ...NO_TRANSFER_LIMITS, upBytesPerSecond: MB })
  limits.transfers.tryTakeUp(100 * MB, { where: 'unknown' })
  const waiting = limits.transfers.takeUp(1, { where: 'in-rack' })
  limits.setFleet(undefined)
  await waiting
  assert.deepEqual(limits.status(), { configured: NO_TRANSFER_LIMITS, fleet: null, effective: NO_TRANSFER_LIMITS })
})
