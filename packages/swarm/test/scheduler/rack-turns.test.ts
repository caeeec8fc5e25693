import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RackTurns } from '../../src/scheduler/rack-turns.ts'

const PIECES = 400
/** Longer than any turn at rest, and shorter than two of them. */
const ONE_TURN_MS = 1500

/** A rack as each of its nodes sees it. */
function buildRack(names: readonly string[]) {
  const time = { now: 1000 }
  const nodes = names.map((node) => {
    const turns = new RackTurns({ node, pieceCount: PIECES, now: () => time.now })
    for (const other of names) if (other !== node) turns.add(other)
    return turns
  })
  const see = () => {
    for (const turns of nodes) for (let piece = 0; piece < PIECES; piece += 1) turns.seen(piece)
  }
  const mayFetch = (piece: number) => nodes.filter((turns) => turns.isOurs(piece))
  return { time, nodes, see, mayFetch }
}

const RACK = ['alpha', 'bravo', 'charlie', 'delta']

test('exactly one node of a rack may fetch a piece, and the pieces fall to all of them alike', () => {
  const { nodes, see, mayFetch } = buildRack(RACK)
  see()
  const shares = nodes.map(() => 0)
  for (let piece = 0; piece < PIECES; piece += 1) {
    const [first, ...others] = mayFetch(piece)
    assert.ok(first !== undefined && others.length === 0, `piece ${piece}`)
    const index = nodes.indexOf(first)
    shares[index] = (shares[index] ?? 0) + 1
  }
  for (const share of shares) assert.ok(share > PIECES / 8 && share < PIECES / 2, `shares ${shares}`)
})

test('a turn later one more may fetch it, and in the end all of them', () => {
  const { time, see, mayFetch } = buildRack(RACK)
  see()
  time.now += ONE_TURN_MS
  for (let piece = 0; piece < PIECES; piece += 1) assert.equal(mayFetch(piece).length, 2)
  time.now += 60_000
  for (let piece = 0; piece < PIECES; piece += 1) assert.equal(mayFetch(piece).length, RACK.length)
})

test('where pieces take long to come in, a turn is longer', () => {
  const { time, nodes, see, mayFetch } = buildRack(RACK)
  see()
  time.now += 4000
  for (const turns of nodes) for (let piece = 0; piece < 50; piece += 1) turns.entered(piece)
  see()
  time.now += ONE_TURN_MS
  for (let piece = 50; piece < PIECES; piece += 1) assert.equal(mayFetch(piece).length, 1)
  time.now += 3_600_000
  for (let piece = 50; piece < PIECES; piece += 1) assert.equal(mayFetch(piece).length, RACK.length)
})

test('what fell to a node that is gone falls to exactly one other at once, and nothing else changes hands', () => {
  const { nodes, see, mayFetch } = buildRack(RACK)
  see()
  const before = Array.from({ length: PIECES }, (_, piece) => mayFetch(piece)[0])
  const [gone, ...left] = nodes
  for (const turns of left) turns.remove('alpha')
  for (let piece = 0; piece < PIECES; piece += 1) {
    const now = mayFetch(piece).filter((turns) => turns !== gone)
    assert.equal(now.length, 1)
    if (before[piece] !== gone) assert.equal(now[0], before[piece])
  }
})

test('a node that is alone in its rack may always fetch', () => {
  const { see, mayFetch } = buildRack(['alpha'])
  see()
  for (let piece = 0; piece < PIECES; piece += 1) assert.equal(mayFetch(piece).length, 1)
})
