import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PRIORITIES, type Priority } from '../../src/scheduler/priority.ts'
import type { Source } from '../../src/scheduler/source.ts'
import { type Ask, PIECE_BYTES, pieceSet, range, SchedulerFixture } from './scheduler-fixture.ts'

const PIECES = 24
const MAX_SOURCES = 6
/** Less than what can be late. */
const SURELY_NOT_LATE_MS = 100

/** What must be true of a scheduler, kept beside it in the plainest way. */
class Model {
  readonly fixture = new SchedulerFixture({ pieceCount: PIECES })
  readonly have = new Set<number>()
  /** Came and is being written. */
  readonly writing = new Set<number>()
  readonly doubtful = new Set<Source>()
  readonly priorities = new Map<number, Priority>()
  isRacing = false

  constructor() {
    this.fixture.onAsk = (ask) => this.#check(ask)
  }

  get sources(): Source[] {
    return [...this.fixture.scheduler.sources]
  }

  source(index: number): Source | undefined {
    return this.sources[index % Math.max(1, this.sources.length)]
  }

  askersOf(piece: number): Source[] {
    return this.sources.filter((source) => source.asked.has(piece))
  }

  isWanted(piece: number): boolean {
    return !this.have.has(piece) && !this.writing.has(piece) && this.askersOf(piece).length === 0
  }

  #check({ source, piece, priority }: Ask): void {
    const { now } = this.fixture
    assert.ok(source.isUsable, 'asked of one that does not answer')
    assert.ok(source.pieces.has(piece), 'asked of one that lacks it')
    assert.ok(!this.have.has(piece), 'asked for what is here')
    assert.ok(!source.canChoose || priority === 'on-demand', 'asked of one that chooses')
    const others = this.askersOf(piece).filter((asker) => asker !== source)
    assert.ok(others.length <= 1 || others.every(({ isDoubtful }) => isDoubtful), 'asked of three, not both in doubt')
    for (const other of others) {
      const isInDoubt = other.isDoubtful && !source.isDoubtful
      const isLate = now - (other.asked.get(piece) ?? 0) > SURELY_NOT_LATE_MS
      assert.ok(
        isInDoubt || isLate || (this.isRacing && priority === 'on-demand'),
        'asked of two and neither late nor in doubt',
      )
    }
    const isAtPeer = this.#counted().some((peer) => peer.pieces.has(piece))
    assert.ok(source.place !== 'origin' || !isAtPeer || this.isRacing, 'asked of the origin although a peer has it')
  }

  checkAccounts(): void {
    const { scheduler } = this.fixture
    const wanted = range(0, PIECES).filter((piece) => this.isWanted(piece))
    assert.equal(scheduler.wantedCount, wanted.length, 'wanted')
    let inFlight = 0
    for (const source of this.sources) {
      inFlight += source.asked.size
      assert.equal(source.inFlightBytes, source.asked.size * PIECE_BYTES, 'in flight at one')
      const useful = wanted.filter((piece) => source.pieces.has(piece))
      assert.deepEqual([...source.useful], useful, 'useful')
    }
    assert.equal(scheduler.inFlightBytes, inFlight * PIECE_BYTES, 'in flight')
    const isNeeded = (piece: number) => this.isWanted(piece) || this.#isInDoubt(piece)
    const isAtPeer = (piece: number) => this.#counted().some((peer) => peer.pieces.has(piece))
    const all = range(0, PIECES).filter((piece) => isNeeded(piece) && !isAtPeer(piece))
    const isHinted = wanted.some((piece) => this.priorities.get(piece) === 'boot-profile')
    const first = all.filter((piece) => this.isWanted(piece) && (this.priorities.get(piece) ?? 'plan') !== 'plan')
    const need = isHinted && first.length > 0 ? first : all
    assert.deepEqual([...scheduler.needOfOrigin()], need, 'need of the origin')
  }

  /** Asked for, and only of sources that let us down. */
  #isInDoubt(piece: number): boolean {
    const askers = this.askersOf(piece)
    return askers.length > 0 && askers.every(({ isDoubtful }) => isDoubtful)
  }

  #counted(): Source[] {
    return this.sources.filter((source) => source.place !== 'origin' && source.isUsable && !this.doubtful.has(source))
  }
}

/** One thing that happens; a failure prints what it was. */
class Step {
  readonly run: (model: Model) => void
  readonly #what: string

  constructor(what: readonly unknown[], run: (model: Model) => void) {
    this.#what = what.join(' ')
    this.run = run
  }

  toString(): string {
    return this.#what
  }
}

const index = fc.nat(MAX_SOURCES - 1)
const piece = fc.nat(PIECES - 1)
const pieces = fc.uniqueArray(piece, { maxLength: PIECES, size: 'max' })
const place = fc.constantFrom('near', 'near', 'far', 'origin')

const joins = fc.tuple(place, pieces).map(
  ([where, has]) =>
    new Step([where, has], (model) => {
      if (model.sources.length < MAX_SOURCES) model.fixture.add(where, has, `node-${model.fixture.now}`)
    }),
)
const changes = fc
  .tuple(
    fc.constantFrom('leave', 'usable', 'unusable', 'doubt', 'trust', 'set', 'place', 'release', 'chooses'),
    index,
    pieces,
    place,
  )
  .map(
    ([what, at, has, where]) =>
      new Step([what, at, has, where], (model) => {
        const source = model.source(at)
        const { scheduler } = model.fixture
        if (source === undefined) return
        if (what === 'leave') scheduler.removeSource(source)
        if (what === 'usable' || what === 'unusable') scheduler.setUsable(source, what === 'usable')
        if (what === 'set') scheduler.setPieces(source, pieceSet(PIECES, has))
        if (what === 'place') scheduler.place(source, where, `moved-${at}`)
        if (what === 'release') scheduler.release(source)
        if (what === 'chooses') source.canChoose = source.place === 'origin'
        if (what !== 'doubt' && what !== 'trust') return
        if (what === 'doubt') model.doubtful.add(source)
        else model.doubtful.delete(source)
        scheduler.setDoubtful(source, what === 'doubt')
      }),
  )
const sourcePieces = fc.tuple(fc.constantFrom('add', 'drop', 'fail', 'choose'), index, piece).map(
  ([what, at, which]) =>
    new Step([what, at, which], (model) => {
      const source = model.source(at)
      const { scheduler } = model.fixture
      if (source === undefined) return
      if (what === 'add') scheduler.addPiece(source, which)
      if (what === 'drop') scheduler.dropPiece(source, which)
      if (what === 'fail') scheduler.onFailed(source, which)
      if (what === 'choose' && source.canChoose && model.isWanted(which)) scheduler.onChosen(source, which)
    }),
)
const arrives = index.map(
  (at) =>
    new Step(['arrives', at], (model) => {
      const source = model.source(at)
      const [which] = source?.asked.keys() ?? []
      if (source === undefined || which === undefined) return
      model.fixture.scheduler.onReceived(source, which)
      model.writing.add(which)
    }),
)
const ends = fc.boolean().map(
  (isKept) =>
    new Step([isKept ? 'stored' : 'discarded'], (model) => {
      const [which] = model.writing
      if (which === undefined) return
      model.writing.delete(which)
      if (isKept) model.have.add(which)
      if (isKept) model.fixture.scheduler.onStored(which)
      else model.fixture.scheduler.onDiscarded(which)
    }),
)
const here = fc.tuple(fc.constantFrom('prioritise', 'lose'), piece, fc.constantFrom(...PRIORITIES)).map(
  ([what, which, priority]) =>
    new Step([what, which, priority], (model) => {
      if (what === 'prioritise' && !model.have.has(which)) {
        model.priorities.set(which, priority)
        model.isRacing = true
        model.fixture.scheduler.prioritise(which, priority)
        model.isRacing = false
      } else if (model.have.delete(which)) model.fixture.scheduler.onLost(which)
    }),
)
const time = fc
  .constantFrom(0, 1, 20, 100, 1000, 10_000)
  .map((ms) => new Step(['tick', ms], (model) => model.fixture.tickAfter(ms)))
const races = fc.constant(
  new Step(['race'], (model) => {
    model.isRacing = true
    model.fixture.scheduler.race()
    model.isRacing = false
  }),
)
const fills = fc.boolean().map(
  (isAdmitting) =>
    new Step(['fill', isAdmitting], (model) => {
      model.fixture.isAdmitting = isAdmitting
      model.fixture.scheduler.fill()
      model.fixture.isAdmitting = true
    }),
)

const step = fc.oneof(
  { arbitrary: joins, weight: 2 },
  { arbitrary: changes, weight: 3 },
  { arbitrary: sourcePieces, weight: 4 },
  { arbitrary: arrives, weight: 6 },
  { arbitrary: ends, weight: 6 },
  { arbitrary: here, weight: 1 },
  { arbitrary: time, weight: 4 },
  { arbitrary: fills, weight: 4 },
  { arbitrary: races, weight: 2 },
)

test('whatever happens in whatever order, each request is right and the accounts are exact', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const model = new Model()
      for (const { run } of steps) {
        run(model)
        model.checkAccounts()
      }
    }),
    { numRuns: 300 },
  )
})

test('whatever happened before, it all comes in the end and nothing is left in flight', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const model = new Model()
      const { fixture } = model
      for (const { run } of steps) run(model)
      for (const which of model.writing) fixture.scheduler.onDiscarded(which)
      for (const source of model.sources) fixture.scheduler.removeSource(source)
      fixture.asked.length = 0
      fixture.add('near')
      for (let round = 0; fixture.scheduler.wantedCount > 0; round += 1) {
        assert.ok(round < 2 * PIECES, 'it never ends')
        fixture.tickAfter(100)
        fixture.drain()
      }
      assert.equal(fixture.scheduler.inFlightBytes, 0)
      assert.deepEqual([...fixture.scheduler.needOfOrigin()], [])
    }),
    { numRuns: 200 },
  )
})
