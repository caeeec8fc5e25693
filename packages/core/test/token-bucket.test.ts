import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock, TokenBucket } from '@shoal/core'

describe('TokenBucket', () => {
  test('a clock that is set back holds up nobody', async () => {
    const { clock, passed, take } = setUp({ rateBytesPerSecond: 1000, burstBytes: 500 })
    clock.advance(-3_600_000)
    for (let n = 0; n < 3; n += 1) take(500)
    await settle()
    assert.equal(passed(), 2)
    clock.advance(500)
    await settle()
    assert.equal(passed(), 3)
  })

  test('a burst passes at once, then the rate holds', async () => {
    const { clock, bucket, passed, take } = setUp({ rateBytesPerSecond: 1000, burstBytes: 500 })
    for (let n = 0; n < 4; n += 1) take(500)
    await settle()
    // The second take goes through as debt is allowed to begin; the third waits for it to be paid.
    assert.equal(passed(), 2)
    clock.advance(499)
    await settle()
    assert.equal(passed(), 2)
    clock.advance(1)
    await settle()
    assert.equal(passed(), 3)
    clock.advance(500)
    await settle()
    assert.equal(passed(), 4)
    assert.equal(bucket.rateBytesPerSecond, 1000)
  })

  test('over a long time the rate is met whatever the sizes', async () => {
    const { clock, take, passedBytes } = setUp({ rateBytesPerSecond: 10_000, burstBytes: 1000 })
    for (let n = 0; n < 400; n += 1) take(((n * 37) % 900) + 1)
    for (let step = 0; step < 1000; step += 1) {
      clock.advance(10)
      await settle()
      const elapsedSeconds = (step + 1) / 100
      assert.ok(passedBytes() <= 10_000 * elapsedSeconds + 1000 + 900)
      if (passedBytes() < 170_000) assert.ok(passedBytes() >= 10_000 * elapsedSeconds - 1000, `at ${elapsedSeconds} s`)
      else break
    }
  })

  test('a take larger than the burst passes as debt that the next one waits for', async () => {
    const { clock, passed, take } = setUp({ rateBytesPerSecond: 1000, burstBytes: 100 })
    take(2100)
    take(1)
    await settle()
    assert.equal(passed(), 1)
    clock.advance(1999)
    await settle()
    assert.equal(passed(), 1)
    clock.advance(1)
    await settle()
    assert.equal(passed(), 2)
  })

  test('rest refills no more than the burst', async () => {
    const { clock, passed, take } = setUp({ rateBytesPerSecond: 1000, burstBytes: 100 })
    take(100)
    await settle()
    clock.advance(60_000)
    for (let n = 0; n < 3; n += 1) take(100)
    await settle()
    assert.equal(passed(), 3)
  })

  test('those who wait pass in the order they came', async () => {
    const clock = new ManualClock()
    const bucket = new TokenBucket(clock, { rateBytesPerSecond: 100, burstBytes: 1 })
    const order: number[] = []
    for (let n = 0; n < 4; n += 1) void bucket.take(50).then(() => order.push(n))
    for (let step = 0; step < 4; step += 1) {
      clock.advance(1000)
      await settle()
    }
    assert.deepEqual(order, [0, 1, 2, 3])
  })

  test('one who gives up takes nothing and does not hold up the others', async () => {
    const clock = new ManualClock()
    const bucket = new TokenBucket(clock, { rateBytesPerSecond: 1000, burstBytes: 1 })
    await bucket.take(1001)
    const controller = new AbortController()
    const reason = new Error('no longer wanted')
    const given = assert.rejects(bucket.take(1_000_000, { signal: controller.signal }), reason)
    let isThrough = false
    void bucket.take(1).then(() => {
      isThrough = true
    })
    await settle()
    controller.abort(reason)
    await given
    clock.advance(1000)
    await settle()
    assert.equal(isThrough, true)
    await assert.rejects(bucket.take(1, { signal: AbortSignal.abort(reason) }), reason)
  })

  test('a changed rate holds at once, for those who wait as well', async () => {
    const { clock, bucket, passed, take } = setUp({ rateBytesPerSecond: 1000, burstBytes: 1 })
    take(10_001)
    for (let n = 0; n < 3; n += 1) take(1000)
    clock.advance(1000)
    bucket.setRate(9000)
    clock.advance(999)
    await settle()
    assert.equal(passed(), 1)
    clock.advance(1)
    await settle()
    assert.equal(passed(), 2)
    bucket.setRate(500)
    await settle()
    assert.equal(passed(), 2)
    bucket.setRate(Number.POSITIVE_INFINITY)
    await settle()
    assert.equal(passed(), 4)
    assert.throws(() => bucket.setRate(0), TypeError)
  })

  test('an infinite rate never waits, and a rate of nothing is a TypeError', async () => {
    const clock = new ManualClock()
    await new TokenBucket(clock, { rateBytesPerSecond: Number.POSITIVE_INFINITY }).take(1e12)
    for (const rateBytesPerSecond of [0, -1, Number.NaN]) {
      assert.throws(() => new TokenBucket(clock, { rateBytesPerSecond }), TypeError)
    }
  })
})

function setUp(options: { rateBytesPerSecond: number; burstBytes: number }) {
  const clock = new ManualClock()
  const bucket = new TokenBucket(clock, options)
  const sizes: number[] = []
  const take = (bytes: number) => void bucket.take(bytes).then(() => sizes.push(bytes))
  return {
    clock,
    bucket,
    take,
    passed: () => sizes.length,
    passedBytes: () => sizes.reduce((sum, bytes) => sum + bytes, 0),
  }
}

/** Lets everything that can go on without time passing do so. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
