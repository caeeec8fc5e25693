import assert from 'node:assert/strict'
import { test } from 'node:test'
import { range, SchedulerFixture } from './scheduler-fixture.ts'

const SOURCES = 50
/** Several times what it takes on a slow machine: what is looked for is a cost that grows with the layer. */
const MAX_US_PER_PIECE = 60
const MAX_RATIO = 6

/** CPU microseconds for a layer of so many pieces that comes whole from 50 sources, each request answered at once. */
function costUs(pieceCount: number): number {
  const fixture = new SchedulerFixture({ pieceCount })
  for (const index of range(0, SOURCES)) fixture.add(index % 2 === 0 ? 'near' : 'far')
  const before = process.cpuUsage()
  fixture.scheduler.fill()
  for (let stored = 0; stored < pieceCount; stored += 1) {
    fixture.now += 0.5
    assert.ok(fixture.deliver() !== undefined, `nothing is asked for after ${stored} pieces`)
    fixture.scheduler.fill()
    if (stored % 200 === 0) fixture.scheduler.tick()
  }
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** The same where pieces become available one by one, with a HAVE from each source. */
function growingCostUs(pieceCount: number): number {
  const fixture = new SchedulerFixture({ pieceCount })
  const sources = range(0, SOURCES).map((index) => fixture.add(index % 2 === 0 ? 'near' : 'far', []))
  const before = process.cpuUsage()
  for (const piece of range(0, pieceCount)) {
    fixture.now += 0.5
    for (const source of sources) fixture.scheduler.addPiece(source, piece)
    fixture.scheduler.fill()
    fixture.deliver()
  }
  assert.equal(fixture.drain().length, 0)
  assert.equal(fixture.scheduler.wantedCount, 0)
  const { user, system } = process.cpuUsage(before)
  return user + system
}

for (const [name, cost] of [
  ['that others have', costUs],
  ['that others get meanwhile', growingCostUs],
] as const) {
  test(`a layer of 100,000 pieces ${name} costs little a piece, and four times a quarter of it`, () => {
    cost(2000)
    const quarter = Math.min(cost(25_000), cost(25_000))
    const whole = Math.min(cost(100_000), cost(100_000))
    assert.ok(whole / 100_000 <= MAX_US_PER_PIECE, `${whole / 100_000} us a piece`)
    assert.ok(whole / quarter <= MAX_RATIO, `${whole / quarter} times`)
  })
}
