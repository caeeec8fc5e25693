import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bitfield, ManualClock, TransferLimits } from '@shoal/core'
import type Wire from 'bittorrent-protocol'
import { DEFAULT_LAYER_TERMS } from '../src/layer-terms.ts'
import { LayerUploads } from '../src/layer-uploads.ts'
import { OriginTurns } from '../src/origin-turns.ts'
import { PeerLink } from '../src/peer-link.ts'
import { PieceSet } from '../src/scheduler/piece-set.ts'
import { Source } from '../src/scheduler/source.ts'
import { TurnOrder } from '../src/scheduler/turn-order.ts'
import type { SwarmLayer } from '../src/swarm-layer.ts'

const PIECES = 8

/** A peer that has some pieces, and what it is told on its wire and on its lane. */
function meet(pieces: readonly number[]) {
  const told = { wire: [] as number[], lane: [] as number[] }
  const wire = { peerId: 'peer', have: (piece: number) => told.wire.push(piece) } as unknown as Wire
  const link = new PeerLink({ wire, host: '127.0.0.1', dialled: undefined, now: 0 })
  link.isOpen = true
  link.source = new Source({ node: 'peer', place: 'near', pieceCount: PIECES })
  const bits = new Bitfield(PIECES)
  for (const piece of pieces) bits.set(piece)
  link.source.pieces = new PieceSet(PIECES, bits)
  const joinLane = () => {
    link.laneUpload = { have: (piece) => told.lane.push(piece), wake: () => {}, close: () => {} }
  }
  return { link, told, joinLane }
}

test('a piece is told of only to those who lack it: on the lane if there is one, on the wire otherwise', () => {
  const clock = new ManualClock()
  const order = new TurnOrder()
  const uploads = new LayerUploads({
    clock,
    layer: {} as SwarmLayer,
    limits: new TransferLimits(clock),
    terms: DEFAULT_LAYER_TERMS,
    order,
    originTurns: new OriginTurns(order, clock),
    own: { role: 'peer', node: 'self', zone: '', rack: '', lane: undefined },
    onUpload: () => {},
  })
  const { link, told, joinLane } = meet([3])
  for (const piece of [2, 3]) uploads.have(link, piece)
  joinLane()
  for (const piece of [3, 4]) uploads.have(link, piece)
  assert.deepEqual(told, { wire: [2], lane: [4] })
  // It turned out not to have it after all.
  link.source?.pieces.delete(3)
  uploads.have(link, 3)
  assert.deepEqual(told.lane, [4, 3])
  link.laneUpload = undefined
  link.isOpen = false
  uploads.have(link, 5)
  assert.deepEqual(told.wire, [2])
})
