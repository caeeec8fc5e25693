import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  ManualClock,
  MIN_TRANSFER_BYTES_PER_SECOND,
  NO_TRANSFER_LIMITS,
  type TakeDownOptions,
  TransferLimits,
  type TransferPlace,
} from '@shoal/core'
import fc from 'fast-check'

const MB = 1_000_000
const BLOCK_BYTES = 256 * 1024
const WINDOW_MS = 10_000
const PLACES = ['in-rack', 'cross-rack', 'unknown'] as const

describe('TransferLimits', () => {
  test('without limits everything passes at once, and nothing needs a take', async () => {
    const limits = new TransferLimits(new ManualClock())
    for (const where of PLACES) {
      assert.equal(limits.isUpLimited(where), false)
      assert.equal(limits.tryTakeUp(1e12, { where }), true)
      assert.equal(limits.sliceBytes(where), Number.POSITIVE_INFINITY)
      assert.equal(limits.takeUp(1e12, { where }), limits.takeUp(1, { where }), 'a promise is made for each take')
    }
    for (const urgent of [false, true]) {
      assert.equal(limits.isDownLimited({ urgent }), false)
      assert.equal(limits.tryTakeDown(1e12, { urgent }), true)
    }
    await limits.takeDown(1e12)
    assert.deepEqual(limits.rates, NO_TRANSFER_LIMITS)
  })

  test('each limit holds up its own class only', () => {
    const rate = MB
    const classes = [
      ['upBytesPerSecond', [true, true, true, false, false, false, false]],
      ['inRackBytesPerSecond', [true, false, false, false, false, false, false]],
      ['crossRackBytesPerSecond', [false, true, false, false, false, false, false]],
      ['downBytesPerSecond', [false, false, false, true, true, true, true]],
      ['prefetchBytesPerSecond', [false, false, false, true, true, false, false]],
      ['crossRackDownBytesPerSecond', [false, false, false, false, true, false, true]],
    ] as const
    const downs = [{}, { far: true }, { urgent: true }, { urgent: true, far: true }]
    for (const [name, expected] of classes) {
      const limits = new TransferLimits(new ManualClock(), { [name]: rate })
      const takes = [
        ...PLACES.map((where) => () => limits.tryTakeUp(rate, { where })),
        ...downs.map((options) => () => limits.tryTakeDown(rate, options)),
      ]
      const isLimited = [
        ...PLACES.map((where) => limits.isUpLimited(where)),
        ...downs.map((options) => limits.isDownLimited(options)),
      ]
      assert.deepEqual(isLimited, expected, name)
      for (const [index, take] of takes.entries()) {
        limits.set({ [name]: null })
        limits.set({ [name]: rate })
        assert.equal(take(), true)
        assert.equal(take(), !expected[index], `${name}, take ${index}`)
      }
    }
  })

  test('over any 10 s a busy limit passes its rate within 5 %, however late the timers and whoever is urgent', async () => {
    const load = fc.record({
      rate: rates,
      name: fc.constantFrom('upBytesPerSecond', 'inRackBytesPerSecond'),
      senders: fc.integer({ min: 1, max: 8 }),
      stepsMs: lateness,
      urgentShare: fc.constantFrom(0, 0.3, 0.9, 3),
    })
    await fc.assert(
      fc.asyncProperty(load, async ({ rate, name, senders, stepsMs, urgentShare }) => {
        const run = new Run({ [name]: rate })
        for (let sender = 0; sender < senders; sender += 1) run.send('in-rack')
        await run.advance(5000, stepsMs)
        const urgent = { bytes: Math.ceil(rate / 50), owed: 0 }
        await run.advance(19_000, stepsMs, (stepMs) => {
          urgent.owed += (rate * urgentShare * stepMs) / 1000
          for (; urgent.owed >= urgent.bytes; urgent.owed -= urgent.bytes) run.sendOnce('in-rack', urgent.bytes, true)
        })
        run.close()
        assertRate(run.passed, { rate, fromMs: 0, toMs: 24_000 })
      }),
      { numRuns: 30, seed: 7 },
    )
  })

  test('a block taken in one keeps within 5 % from 1.75 MB/s', async () => {
    const rate = 1.75 * MB
    const run = new Run({ upBytesPerSecond: rate })
    for (let sender = 0; sender < 3; sender += 1) run.send('unknown', BLOCK_BYTES)
    await run.advance(21_000, [7])
    run.close()
    assertRate(run.passed, { rate, fromMs: 0, toMs: 21_000 })
  })

  test('a changed rate holds once what was cut for the old one has passed, which waits at the new one', async () => {
    const changes = fc.record({
      phases: fc.array(fc.integer({ min: 1024 ** 2, max: 128 * 1024 ** 2 }), { minLength: 2, maxLength: 4 }),
      senders: fc.integer({ min: 1, max: 4 }),
      stepsMs: lateness,
    })
    await fc.assert(
      fc.asyncProperty(changes, async ({ phases, senders, stepsMs }) => {
        const run = new Run({ upBytesPerSecond: phases[0] ?? MB })
        for (let sender = 0; sender < senders; sender += 1) run.send('cross-rack')
        const ends: { rate: number; fromMs: number; toMs: number }[] = []
        for (const rate of phases) {
          run.limits.set({ upBytesPerSecond: rate })
          await run.advance(((senders * BLOCK_BYTES) / rate) * 1000, stepsMs)
          const fromMs = run.clock.now()
          await run.advance(11_000, stepsMs)
          ends.push({ rate, fromMs, toMs: run.clock.now() })
        }
        run.close()
        for (const phase of ends) assertRate(run.passed, phase)
      }),
      { numRuns: 20, seed: 11 },
    )
  })

  test('who waits passes at once when the limit is taken away, and waits no longer than the new one asks', async () => {
    const run = new Run({ downBytesPerSecond: 100_000, prefetchBytesPerSecond: 50_000 })
    run.limits.tryTakeDown(10 * MB)
    let isThrough = false
    void run.limits.takeDown(1).then(() => {
      isThrough = true
    })
    await run.advance(1000, [1000])
    assert.equal(isThrough, false)
    run.limits.set({ prefetchBytesPerSecond: null })
    await settle()
    assert.equal(isThrough, false, 'the other limit still holds')
    run.limits.set({ downBytesPerSecond: 100 * MB })
    await run.advance(99, [99])
    assert.equal(isThrough, true, 'the debt of 10 MB is paid in 0.1 s')
    assert.deepEqual(run.limits.rates, { ...NO_TRANSFER_LIMITS, downBytesPerSecond: 100 * MB })

    run.limits.tryTakeDown(9 * MB)
    run.limits.set({ downBytesPerSecond: MB })
    const lowered = run.limits.takeDown(1)
    await run.advance(100, [100])
    await lowered

    run.limits.tryTakeDown(100 * MB)
    const gone = run.limits.takeDown(1)
    run.limits.set({ downBytesPerSecond: null })
    await gone
    run.limits.set({ downBytesPerSecond: MB })
    assert.equal(run.limits.tryTakeDown(1), true, 'what passed without a limit is no debt')
    assert.equal(run.limits.tryTakeDown(1), false, 'and there is no burst either')
  })

  test('what waits for one limit holds nothing of another, and holds up nobody that needs only the other', async () => {
    const up = 10 * MB
    const cross = MB
    const run = new Run({ upBytesPerSecond: up, crossRackBytesPerSecond: cross })
    for (let sender = 0; sender < 10; sender += 1) run.send('cross-rack')
    run.send('in-rack')
    await run.advance(22_000, [3, 9])
    run.close()
    assertRate(run.passed, { rate: up, fromMs: 0, toMs: 22_000 })
    const toOthers = run.passed.filter(({ where }) => where === 'cross-rack')
    assertRate(toOthers, { rate: cross, fromMs: 0, toMs: 22_000 })
  })

  test('the limit of a layer holds beside those of the node, and holds up no other layer', async () => {
    const loads = fc.record({ rate: fc.integer({ min: 2 * MB, max: 20 * MB }), far: fc.boolean(), stepsMs: lateness })
    await fc.assert(
      fc.asyncProperty(loads, async ({ rate, far, stepsMs }) => {
        const down = 30 * MB
        const run = new Run({ downBytesPerSecond: down, crossRackDownBytesPerSecond: 40 * MB })
        const layer = run.limits.newLayerLimit()
        run.limits.setLayerRate(layer, rate)
        for (let n = 0; n < 4; n += 1) run.receive('slow', { layer, far })
        run.receive('other', {})
        await run.advance(22_000, stepsMs)
        run.limits.setLayerRate(layer, rate / 2)
        await run.advance(1000, stepsMs)
        const fromMs = run.clock.now()
        await run.advance(11_000, stepsMs)
        run.close()
        const slow = run.passed.filter(({ where }) => where === 'slow')
        assertRate(slow, { rate, fromMs: 0, toMs: 22_000 })
        if (rate / 2 >= 1.75 * MB) assertRate(slow, { rate: rate / 2, fromMs, toMs: run.clock.now() })
        assertRate(run.passed, { rate: down, fromMs: 0, toMs: run.clock.now() })
      }),
      { numRuns: 6, seed: 5 },
    )
  })

  test('what somebody waits for does not count against the limit of its layer, which goes and comes with its rate', async () => {
    const run = new Run({})
    const { limits } = run
    const layer = limits.newLayerLimit()
    assert.equal(limits.isDownLimited({ layer }), false)
    limits.setLayerRate(layer, MB)
    assert.equal(limits.isDownLimited({ layer }), true)
    assert.equal(limits.tryTakeDown(2 * MB, { layer }), true)
    assert.equal(limits.downWaitMs({ layer }), 2000)
    assert.equal(limits.downWaitMs({ layer, urgent: true }), 0)
    assert.equal(limits.tryTakeDown(9 * MB, { layer, urgent: true }), true)
    assert.equal(limits.downWaitMs({ layer }), 2000)
    const waits = limits.takeDown(0, { layer })
    limits.setLayerRate(layer, null)
    await waits
    assert.throws(() => limits.setLayerRate(layer, 0), TypeError)
  })

  test('what comes from afar waits for its own limit, and near sources for that of the node only', async () => {
    const down = 10 * MB
    const far = 2 * MB
    const run = new Run({ downBytesPerSecond: down, crossRackDownBytesPerSecond: far })
    for (let n = 0; n < 5; n += 1) run.receive('far', { far: true })
    run.receive('near', {})
    await run.advance(22_000, [3, 9])
    run.close()
    assertRate(run.passed, { rate: down, fromMs: 0, toMs: 22_000 })
    assertRate(
      run.passed.filter(({ where }) => where === 'far'),
      { rate: far, fromMs: 0, toMs: 22_000 },
    )
  })

  test('one who gives up takes nothing of any limit', async () => {
    const run = new Run({ upBytesPerSecond: MB, crossRackBytesPerSecond: 100_000 })
    run.limits.tryTakeUp(400_000, { where: 'cross-rack' })
    const reason = new Error('no longer wanted')
    const controller = new AbortController()
    const { signal } = controller
    const given = [1, 2, 3].map(() => {
      return assert.rejects(run.limits.takeUp(100 * MB, { where: 'cross-rack', signal }), reason)
    })
    await run.advance(1000, [1000])
    controller.abort(reason)
    await Promise.all(given)
    await run.advance(10_000, [1000])
    assert.equal(run.limits.tryTakeUp(1, { where: 'cross-rack' }), true)
    for (const urgent of [false, true]) {
      await assert.rejects(run.limits.takeUp(1, { where: 'unknown', urgent, signal }), reason)
      await assert.rejects(run.limits.takeDown(1, { urgent, signal }), reason)
    }
  })

  test('a read that somebody waits for passes at once while others wait, and they pay for it', async () => {
    const rate = 10 * MB
    const run = new Run({ downBytesPerSecond: rate, prefetchBytesPerSecond: 2 * rate })
    run.limits.tryTakeDown(rate * 0.15)
    run.limits.tryTakeDown(BLOCK_BYTES)
    let ordinaryAt = 0
    void run.limits.takeDown(BLOCK_BYTES).then(() => {
      ordinaryAt = run.clock.now()
    })
    const urgentBytes = 6 * BLOCK_BYTES
    for (let read = 0; read < 6; read += 1) assert.equal(run.limits.tryTakeDown(BLOCK_BYTES, { urgent: true }), true)
    await run.advance(1000, [1])
    assert.equal(ordinaryAt, Math.ceil(((BLOCK_BYTES + urgentBytes) / rate) * 1000))
  })

  test('reads that somebody waits for go before all others, and are held to the limit only by one another', async () => {
    const run = new Run({ upBytesPerSecond: MB, inRackBytesPerSecond: 2 * MB })
    for (let sender = 0; sender < 5; sender += 1) run.send('in-rack')
    await run.advance(2000, [10])
    const { length } = run.passed
    for (let read = 0; read < 12; read += 1) run.sendOnce('unknown', MB / 4, true)
    await run.advance(2500, [10])
    run.close()
    assert.ok(run.passed.slice(length).every(({ where }) => where === 'unknown'))
    assert.ok(run.passed.length - length >= 10)
  })

  test('a rate of nothing, below the least or no number at all is a TypeError and changes nothing', () => {
    for (const rate of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, MIN_TRANSFER_BYTES_PER_SECOND - 1]) {
      assert.throws(() => new TransferLimits(new ManualClock(), { upBytesPerSecond: rate }), TypeError)
      const limits = new TransferLimits(new ManualClock(), { upBytesPerSecond: MB })
      assert.throws(() => limits.set({ upBytesPerSecond: 2 * MB, prefetchBytesPerSecond: rate }), TypeError)
      assert.equal(limits.rates.upBytesPerSecond, MB)
    }
  })
})

const rates = fc
  .double({ min: Math.log2(MIN_TRANSFER_BYTES_PER_SECOND), max: 27, noNaN: true })
  .map((bits) => Math.floor(2 ** bits))
/** How far the clock moves between two looks at it: as late as a timer is on a busy machine. */
const lateness = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 10 })

interface Passed {
  readonly atMs: number
  readonly bytes: number
  readonly where: TransferPlace | 'near' | 'far' | 'slow' | 'other'
}

/** Senders and receivers that always have more to send, at a clock that is moved. */
class Run {
  readonly clock = new ManualClock()
  readonly limits: TransferLimits
  readonly passed: Passed[] = []
  readonly #closed = new AbortController()

  constructor(limits: ConstructorParameters<typeof TransferLimits>[1]) {
    this.limits = new TransferLimits(this.clock, limits)
  }

  /** Sends for ever, in slices unless `bytes` says otherwise. */
  send(where: TransferPlace, bytes?: number): void {
    void this.#sendAll(where, bytes).catch(() => {})
  }

  /** Receives for ever, in blocks. */
  receive(name: Passed['where'], options: TakeDownOptions): void {
    const receiveAll = async () => {
      for (;;) {
        await this.limits.takeDown(BLOCK_BYTES, { ...options, signal: this.#closed.signal })
        this.passed.push({ atMs: this.clock.now(), bytes: BLOCK_BYTES, where: name })
      }
    }
    receiveAll().catch(() => {})
  }

  sendOnce(where: TransferPlace, bytes: number, urgent: boolean): void {
    this.#take(where, bytes, urgent).catch(() => {})
  }

  async advance(forMs: number, stepsMs: readonly number[], onStep?: (stepMs: number) => void): Promise<void> {
    const endMs = this.clock.now() + forMs
    await settle()
    for (let n = 0; this.clock.now() < endMs; n += 1) {
      const stepMs = Math.min(stepsMs[n % stepsMs.length] ?? 1, endMs - this.clock.now())
      this.clock.advance(stepMs)
      onStep?.(stepMs)
      await settle()
    }
  }

  close(): void {
    this.#closed.abort(new Error('the test is over'))
  }

  async #sendAll(where: TransferPlace, bytes: number | undefined): Promise<void> {
    for (;;) await this.#take(where, bytes ?? Math.min(BLOCK_BYTES, this.limits.sliceBytes(where)), false)
  }

  async #take(where: TransferPlace, bytes: number, urgent: boolean): Promise<void> {
    await this.limits.takeUp(bytes, { where, urgent, signal: this.#closed.signal })
    this.passed.push({ atMs: this.clock.now(), bytes, where })
  }
}

/** Every window of 10 s that lies inside, with both of its ends counted and then with neither. */
function assertRate(passed: readonly Passed[], { rate, fromMs, toMs }: { rate: number; fromMs: number; toMs: number }) {
  const sums = new Map<number, number>()
  for (const { atMs, bytes } of passed) {
    if (atMs >= fromMs && atMs <= toMs) sums.set(atMs, (sums.get(atMs) ?? 0) + bytes)
  }
  const times = [...sums.keys()].sort((a, b) => a - b)
  const total = (start: number, end: number, isClosed: boolean) => {
    let sum = 0
    for (const at of times) {
      if (at >= start && at <= end && (isClosed || (at > start && at < end))) sum += sums.get(at) ?? 0
    }
    return sum
  }
  const least = 0.95 * rate * (WINDOW_MS / 1000)
  const most = 1.05 * rate * (WINDOW_MS / 1000)
  for (const start of times.filter((at, n) => at + WINDOW_MS <= toMs && n % 5 === 0)) {
    const all = total(start, start + WINDOW_MS, true)
    assert.ok(all <= most, `${all} of ${most} bytes from ${start} ms at ${rate} B/s`)
    const inside = total(start, start + WINDOW_MS, false)
    assert.ok(inside >= least, `${inside} of ${least} bytes from ${start} ms at ${rate} B/s`)
  }
}

/** Lets everything that can go on without time passing do so. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
