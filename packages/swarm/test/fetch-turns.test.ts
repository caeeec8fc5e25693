import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, TransferLimits, type TransferRates } from '@shoal/core'
import fc from 'fast-check'
import { DownAdmission } from '../src/down-admission.ts'
import { FetchTurns } from '../src/fetch-turns.ts'
import { DEFAULT_LAYER_TERMS, type LayerTerms } from '../src/layer-terms.ts'
import type { Priority } from '../src/scheduler/priority.ts'
import type { SourcePlace } from '../src/scheduler/source.ts'

const KIB = 1024
const MIB = 1024 * KIB
const PIECE = 256 * KIB

/** Lets promises that are settled have their say. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A layer that asks as a scheduler does: until it is refused or its window is full. */
class Fetching {
  readonly admission: DownAdmission
  /** All it was ever admitted. */
  bytes = 0
  windowBytes = MIB
  inFlight = 0
  /** Without sources it finds nothing to ask for. */
  hasSource = true
  priority: Priority = 'plan'
  place: SourcePlace = 'near'

  constructor(turns: FetchTurns, terms: Partial<LayerTerms>) {
    this.admission = new DownAdmission({
      turns,
      terms: { ...DEFAULT_LAYER_TERMS, ...terms },
      onTurn: () => this.fill(),
      askedBytes: () => this.inFlight,
      offeredBytes: () => 0,
    })
  }

  fill(): void {
    if (!this.hasSource) return
    while (this.inFlight < this.windowBytes && this.admission.admit(PIECE, this.priority, this.place)) {
      this.inFlight += PIECE
      this.bytes += PIECE
    }
  }

  arrive(now: number): void {
    if (this.inFlight === 0) return
    this.inFlight -= PIECE
    this.admission.onBytes(PIECE, now)
    this.admission.onFreed()
    this.fill()
  }
}

/** A node at a clock that is moved. */
class Node {
  readonly clock = new ManualClock(1000)
  readonly limits: TransferLimits
  readonly layers: Fetching[]

  constructor(rates: Partial<TransferRates>, ...terms: Partial<LayerTerms>[]) {
    this.limits = new TransferLimits(this.clock, rates)
    const turns = new FetchTurns(this.clock, this.limits)
    this.layers = terms.map((one) => new Fetching(turns, one))
  }

  layer(index: number): Fetching {
    const { [index]: layer } = this.layers
    assert.ok(layer !== undefined)
    return layer
  }

  /** Everything that was asked for arrives at each step, or of a link that is full so much only. */
  async run(ms: number, { stepMs = 5, linkBytesPerSecond = Number.POSITIVE_INFINITY } = {}): Promise<void> {
    let credit = 0
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(stepMs)
      await settle()
      const now = this.clock.now()
      if (now % 100 < stepMs) for (const layer of this.layers) layer.fill()
      credit = Math.min(credit + (linkBytesPerSecond * stepMs) / 1000, 4 * MIB)
      // In the order of a queue that is shared: by how much each has in it.
      const queue = this.layers.flatMap((layer) =>
        Array.from({ length: layer.inFlight / PIECE }, (_, n) => ({ layer, at: (n + 1) / layer.inFlight })),
      )
      for (const { layer } of queue.sort((a, b) => a.at - b.at)) {
        if (credit < PIECE) break
        credit -= PIECE
        layer.arrive(now)
      }
      await settle()
    }
  }

  taken(): number[] {
    return this.layers.map(({ bytes }) => bytes)
  }
}

test('under a limit the first in order gets all of it, and what it cannot use goes to the next', async () => {
  const node = new Node({ downBytesPerSecond: 10 * MIB }, { priority: 10 }, { priority: 90 })
  await node.run(5000)
  const [low = 0, high = 0] = node.taken()
  assert.ok(high > 45 * MIB, `${high / MIB}`)
  // Those that it got before the other had begun to ask.
  assert.ok(low <= 2 * MIB, `${low / MIB}`)
  node.layer(1).hasSource = false
  await node.run(5000)
  assert.ok((node.taken()[0] ?? 0) - low > 45 * MIB)
  node.layer(1).hasSource = true
  await node.run(5000)
  assert.ok((node.taken()[1] ?? 0) - high > 45 * MIB)
})

test('heads go before the rest of others of their priority, and lower waves before higher ones', async () => {
  const node = new Node({ downBytesPerSecond: 10 * MIB }, { wave: 0 }, { wave: 1 }, { wave: 2 })
  node.layer(2).priority = 'boot-profile'
  await node.run(3000)
  const before = node.taken()
  assert.ok((before[2] ?? 0) > 27 * MIB, `${before}`)
  node.layer(2).priority = 'plan'
  await node.run(3000)
  const after = node.taken().map((bytes, index) => bytes - (before[index] ?? 0))
  assert.ok((after[0] ?? 0) > 25 * MIB, `${after}`)
  assert.ok((after[1] ?? 0) <= MIB && (after[2] ?? 0) <= 2 * MIB, `${after}`)
})

test('equals share a limit by their weights within a tenth, whatever the weights', async () => {
  const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(weights, fc.integer({ min: 5, max: 40 }), async (all, rate) => {
      const node = new Node({ downBytesPerSecond: rate * MIB }, ...all.map((weight) => ({ weight })))
      await node.run(1000)
      const before = node.taken()
      const sum = all.reduce((a, b) => a + b)
      // So that the least gets some thirty pieces.
      await node.run(((30 * PIECE * sum) / Math.min(...all) / (rate * MIB)) * 1000)
      const taken = node.taken().map((bytes, index) => bytes - (before[index] ?? 0))
      const total = taken.reduce((a, b) => a + b)
      for (const [index, bytes] of taken.entries()) {
        const part = bytes / total / ((all[index] ?? 1) / sum)
        assert.ok(part > 0.9 && part < 1.1, `${all}: ${index} has ${part}`)
      }
    }),
    { numRuns: 15, seed: 9 },
  )
})

test('a layer that is held by its own limit, or by that of far sources, holds up nobody', async () => {
  const node = new Node(
    { downBytesPerSecond: 20 * MIB, crossRackDownBytesPerSecond: 2 * MIB },
    { priority: 10 },
    { priority: 90, limitBytesPerSecond: 4 * MIB },
    { priority: 80 },
  )
  node.layer(2).place = 'far'
  await node.run(10_000)
  const [low = 0, limited = 0, far = 0] = node.taken()
  assert.ok(Math.abs(limited / (40 * MIB) - 1) < 0.05, `${limited / MIB}`)
  assert.ok(Math.abs(far / (20 * MIB) - 1) < 0.05, `${far / MIB}`)
  assert.ok(low > 0.95 * 140 * MIB, `${low / MIB}`)
})

test('without a limit a full link goes to the first in order, but for little; equals share it by weight roughly', async () => {
  const link = { linkBytesPerSecond: 100 * MIB }
  const classes = new Node({}, { priority: 10 }, { priority: 90 })
  for (const layer of classes.layers) layer.windowBytes = 8 * MIB
  await classes.run(1000, link)
  const before = classes.taken()
  await classes.run(5000, link)
  const [low = 0, high = 0] = classes.taken().map((bytes, index) => bytes - (before[index] ?? 0))
  assert.ok(high / (low + high) > 0.9, `${low / MIB} ${high / MIB}`)
  assert.ok(low + high > 0.95 * 500 * MIB)

  const equals = new Node({}, { weight: 30 }, { weight: 10 })
  for (const layer of equals.layers) layer.windowBytes = 8 * MIB
  await equals.run(10_000, link)
  const [three = 0, one = 0] = equals.taken()
  assert.ok(three / one > 1.5, `${three / MIB} ${one / MIB}`)
})

test('without a limit a lower layer takes what a higher one cannot use, and all of it once that stalls', async () => {
  const node = new Node({}, { priority: 10 }, { priority: 90 })
  // Its one source is slow: two pieces in 25 ms, a fifth of what the other could have.
  node.layer(1).windowBytes = 2 * PIECE
  node.layer(0).windowBytes = 8 * MIB
  const link = { linkBytesPerSecond: 100 * MIB }
  await node.run(4000, link)
  const [low = 0] = node.taken()
  assert.ok(low > 200 * MIB, `${low / MIB}`)
  // It has asked, and nothing comes.
  const stalled = node.layer(1)
  stalled.arrive = () => {}
  await node.run(1000, link)
  const [after = 0] = node.taken()
  assert.ok(after - low > 80 * MIB, `${(after - low) / MIB}`)
})

test('what somebody waits for passes before all turns, pauses and the limit of its layer', async () => {
  const node = new Node({ downBytesPerSecond: 10 * MIB }, { priority: 90 }, { priority: 10, limitBytesPerSecond: 0 })
  await node.run(500)
  const { admission } = node.layer(1)
  assert.equal(admission.admit(PIECE, 'plan', 'near'), false)
  assert.equal(admission.admit(PIECE, 'on-demand', 'near'), true)
  admission.setTerms({ ...DEFAULT_LAYER_TERMS, priority: 10, limitBytesPerSecond: 1 })
  assert.equal(admission.admit(PIECE, 'on-demand', 'origin'), true)
})

test('a pause lasts until the terms change, and nothing waits in vain', async () => {
  const node = new Node({ downBytesPerSecond: 10 * MIB }, { limitBytesPerSecond: 0 }, {})
  await node.run(2000)
  assert.equal(node.taken()[0], 0)
  assert.ok((node.taken()[1] ?? 0) > 19 * MIB)
  node.layer(0).admission.setTerms({ ...DEFAULT_LAYER_TERMS, priority: 90 })
  node.layer(1).admission.setTerms({ ...DEFAULT_LAYER_TERMS, limitBytesPerSecond: 0 })
  const [, other = 0] = node.taken()
  await node.run(2000)
  assert.equal(node.taken()[1], other)
  assert.ok((node.taken()[0] ?? 0) > 18 * MIB)
})

test('what a limit lets pass again is for those who wait, and not for a lower one that happens to ask', async () => {
  const node = new Node({ downBytesPerSecond: MIB }, { priority: 10 }, { priority: 90 })
  node.layer(1).fill()
  const [, high = 0] = node.taken()
  node.clock.advance(2000)
  assert.equal(node.layer(0).admission.admit(PIECE, 'plan', 'near'), false)
  await settle()
  assert.ok((node.taken()[1] ?? 0) > high)
})

test('while machines read little is on its way to the node, and a second after that as much as ever', async () => {
  const node = new Node({}, {})
  const link = { linkBytesPerSecond: 20 * MIB }
  const layer = node.layer(0)
  await node.run(500, link)
  assert.equal(layer.inFlight, MIB)
  assert.equal(layer.admission.admit(PIECE, 'on-demand', 'near'), true)
  await node.run(500, link)
  const before = layer.bytes
  assert.ok(layer.inFlight <= 512 * KIB, `${layer.inFlight}`)
  await node.run(400, link)
  // The link is used all the same.
  assert.ok(layer.bytes - before > 7 * MIB, `${layer.bytes - before}`)
  assert.ok(layer.inFlight <= 512 * KIB, `${layer.inFlight}`)
  await node.run(1000, link)
  assert.equal(layer.inFlight, MIB)
})
