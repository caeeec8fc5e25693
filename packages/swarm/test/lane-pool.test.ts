import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import type { LaneClient } from '../src/lane/lane-client.ts'
import { LanePool, type LaneTarget } from '../src/lane-pool.ts'

/** A pool, and what it dialled: lanes that only open and close. */
function pool() {
  const clock = new ManualClock(60_000)
  const dialled: { target: LaneTarget; lane: { wasIdle: boolean; onClose(): void; close(): void }; joined: number }[] =
    []
  const lanes = new LanePool(clock, (target) => {
    const entry = {
      target,
      joined: 0,
      lane: {
        wasIdle: false,
        onClose: () => {},
        close: () => entry.lane.onClose(),
        join: () => {
          entry.joined += 1
        },
      },
    }
    dialled.push(entry)
    return entry.lane as unknown as LaneClient
  })
  const layer = { infoHash: '', geometry: { sizeBytes: 1, blockLengthBytes: 1, pieceLengthBytes: 1 } }
  const join = (target: LaneTarget) => lanes.join(target, layer, undefined as never)
  return { clock, lanes, dialled, join }
}

const target = (peerId: string, host: string) => ({ peerId, host, port: 1, token: Buffer.alloc(16) })

test('who claims the peer id of another is not taken for it', () => {
  const { lanes, dialled, join } = pool()
  for (const host of ['127.0.0.1', '127.0.0.2', '127.0.0.1']) join(target('same', host))
  assert.deepEqual(
    dialled.map(({ target: { host }, joined }) => [host, joined]),
    [
      ['127.0.0.1', 2],
      ['127.0.0.2', 1],
    ],
  )
  dialled[1]?.lane.close()
  assert.equal(lanes.mayJoin(target('same', '127.0.0.2')), false)
  assert.equal(lanes.mayJoin(target('same', '127.0.0.1')), true)
})

test('all lanes to a host are closed with it, whatever peer ids it claimed', () => {
  const { lanes, join } = pool()
  for (const [peerId, host] of [
    ['a', '10.0.0.1'],
    ['b', '10.0.0.1'],
    ['c', '110.0.0.1'],
  ] as const) {
    join(target(peerId, host))
  }
  lanes.closeHost('10.0.0.1')
  assert.equal(lanes.count, 1)
})

test('a lane that broke is not dialled again at once, one that nobody used is', () => {
  const { clock, lanes, dialled, join } = pool()
  join(target('a', '10.0.0.1'))
  join(target('b', '10.0.0.1'))
  const [broken, idle] = dialled
  assert.ok(broken !== undefined && idle !== undefined)
  broken.lane.close()
  idle.lane.wasIdle = true
  idle.lane.close()
  assert.deepEqual([lanes.mayJoin(broken.target), lanes.mayJoin(idle.target)], [false, true])
  clock.advance(10_000)
  assert.equal(lanes.mayJoin(broken.target), true)
})

test('there is a bound on lanes', () => {
  const { lanes, dialled, join } = pool()
  for (let n = 0; n < 5000 && lanes.mayJoin(target(`${n}`, '10.0.0.1')); n += 1) join(target(`${n}`, '10.0.0.1'))
  assert.equal(dialled.length, 1024)
  assert.equal(lanes.mayJoin(target('0', '10.0.0.1')), true)
})
