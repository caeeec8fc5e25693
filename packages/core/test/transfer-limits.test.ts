import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock, TransferLimits } from '@shoal/core'

describe('TransferLimits', () => {
  test('without limits everything passes at once and nothing needs a take', () => {
    const limits = new TransferLimits(new ManualClock())
    for (const where of ['in-rack', 'cross-rack', 'unknown'] as const) {
      assert.equal(limits.isUpLimited(where), false)
      assert.equal(limits.tryTakeUp(1e12, { where }), true)
      assert.equal(limits.sliceBytes(where), Number.POSITIVE_INFINITY)
    }
    assert.equal(limits.isDownLimited(), false)
    assert.equal(limits.tryTakeDown(1e12), true)
  })
})
