import assert from 'node:assert/strict'
import { it } from 'node:test'
import { announceInterval } from '../../src/tracker/announce-interval.ts'

const atRest = {
  ...{ isComplete: false, neighbours: 30, swarmPeers: 100, recentJoins: 0, allPeers: 100 },
  ...{ uptimeMs: 3_600_000, restMs: 30_000, random: 0.5 },
}

it('is long at rest and spread by a fifth each way', () => {
  assert.equal(announceInterval(atRest), 30)
  assert.equal(announceInterval({ ...atRest, random: 0 }), 24)
  assert.equal(announceInterval({ ...atRest, random: 0.999 }), 36)
})

it('is short while many join, for whoever lacks something', () => {
  assert.equal(announceInterval({ ...atRest, recentJoins: 3 }), 5)
  assert.equal(announceInterval({ ...atRest, recentJoins: 3, isComplete: true }), 30)
  assert.equal(announceInterval({ ...atRest, recentJoins: 3, swarmPeers: 1000 }), 30)
  assert.equal(announceInterval({ ...atRest, recentJoins: 10, swarmPeers: 1000 }), 5)
})

it('is short with few neighbours and when the tracker has just started', () => {
  assert.equal(announceInterval({ ...atRest, neighbours: 7 }), 5)
  assert.equal(announceInterval({ ...atRest, uptimeMs: 29_999, isComplete: true }), 5)
})

it('is never longer in a burst than at rest', () => {
  assert.equal(announceInterval({ ...atRest, recentJoins: 9, restMs: 2000 }), 2)
  assert.equal(announceInterval({ ...atRest, recentJoins: 9, restMs: 100 }), 1)
})

it('keeps all peers together below 500 announces a second, up to ten minutes', () => {
  for (const allPeers of [10_000, 50_000, 150_000]) {
    // Each announces over HTTP and over UDP.
    const seconds = announceInterval({ ...atRest, recentJoins: allPeers, allPeers })
    assert.ok((allPeers * 2) / seconds <= 500, `${seconds}`)
  }
  assert.equal(announceInterval({ ...atRest, allPeers: 1_000_000 }), 600)
  assert.equal(announceInterval({ ...atRest, allPeers: 1_000_000, restMs: 900_000 }), 900)
})
