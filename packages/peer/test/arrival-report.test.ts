import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Heartbeat, MAX_ARRIVAL_RACKS, MAX_FLOWS, MAX_NODE_LAYERS, MAX_SAMPLES } from '@shoal/api'
import type { ArrivalReason, PieceArrival } from '@shoal/swarm'
import { Compile } from 'typebox/compile'
import { type ArrivalSource, layerArrivals, presentFlows, takeSamples, withArrivals } from '../src/arrival-report.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`

function arrivals(change: Partial<{ racks: ArrivalSource['racks']; samples: PieceArrival[] }> = {}): ArrivalSource {
  const { racks = [], samples = [] } = change
  return { racks, reasons: [{ reason: 'near', pieces: 1, bytes: 10 }], takeSamples: () => samples }
}

const rack = (name: string, bytes = 10, bytesPerSecond = 5) => {
  return { zone: 'z', rack: name, isOrigin: false, bytes, bytesPerSecond }
}
const sample = (reason: ArrivalReason, ageMs: number, from = 'r1'): PieceArrival => {
  return { node: 'a', zone: 'z', rack: from, isOrigin: false, ageMs, piece: 1, bytes: 10, reason, tookMs: 1.4 }
}

test('names of racks that nobody may have are told as none, and the seed is no rack', () => {
  const racks = [rack('r1'), rack('r 2'), rack('<b>'), { ...rack('', 99), isOrigin: true }]
  assert.deepEqual(layerArrivals(arrivals({ racks }))?.racks, [
    { zone: 'z', rack: 'r1', bytes: 10 },
    { zone: '', rack: '', bytes: 20 },
  ])
  assert.equal(layerArrivals({ racks: [], reasons: [] }), undefined)
})

test('flows are what arrives now, the largest first, so many as a heartbeat takes', () => {
  const racks = Array.from({ length: 20 }, (_, index) => rack(`r${index}`, 10, index))
  const flows = presentFlows([
    { digest: DIGEST, arrivals: arrivals({ racks }) },
    { digest: DIGEST, arrivals: arrivals({ racks }) },
  ])
  assert.equal(flows.length, MAX_FLOWS)
  assert.deepEqual([flows[0]?.bytesPerSecond, flows.at(-1)?.bytesPerSecond], [19, 4])
  assert.deepEqual(presentFlows([{ digest: DIGEST, arrivals: arrivals({ racks: [rack('r', 10, 0)] }) }]), [])
})

test('of many pieces those are told that came for the more urgent reasons, with the time of this machine', () => {
  const samples = [sample('near', 100), sample('demanded', 300), sample('turn', 0), sample('raced', 0, 'r 1')]
  const told = takeSamples(
    [{ digest: DIGEST, arrivals: arrivals({ samples: [...samples, sample('near', 50)] }) }],
    1e12,
  )
  assert.equal(told.length, MAX_SAMPLES)
  assert.deepEqual(
    told.map(({ reason, rack: from, at, tookMs }) => [reason, from, Date.parse(at) - 1e12, tookMs]),
    [
      ['demanded', 'r1', -300, 1],
      ['raced', '', 0, 1],
      ['near', 'r1', -50, 1],
      ['near', 'r1', -100, 1],
    ],
  )
})

test('what is told fits the API, however much there is', () => {
  const racks = Array.from({ length: 40 }, (_, index) => rack(`r${index}`))
  const swarms = [{ digest: DIGEST, arrivals: arrivals({ racks, samples: [sample('near', 0)] }) }]
  const layer = { digest: DIGEST, state: 'fetching', presentBytes: 1, sizeBytes: 2, peers: 1, error: null }
  const counters = { fromOriginBytes: 0, fromPeersBytes: 0, uploadedBytes: 0 }
  const told = layerArrivals(arrivals({ racks }))
  assert.equal(told?.racks.length, MAX_ARRIVAL_RACKS + 1)
  const rates = { diskFreeBytes: 0, diskUsedBytes: 0, downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 }
  const moving = { flows: presentFlows(swarms), samples: takeSamples(swarms, 1e12) }
  const heartbeat = {
    events: [],
    inventory: { layers: [{ ...layer, ...counters, arrivals: told }], ...rates, ...moving },
  }
  assert.deepEqual([...Compile(Heartbeat).Errors(heartbeat)], [])
})

test('with as many layers as a node may have, a heartbeat stays within what the seed takes, and tells of those on their way', () => {
  const racks = Array.from({ length: 17 }, (_, index) => rack(`rack-with-a-long-name-${index}`, 1e12))
  const layers = Array.from({ length: MAX_NODE_LAYERS }, (_, index) => {
    const state: 'complete' | 'fetching' = index % 20 === 0 ? 'fetching' : 'complete'
    const counters = {
      presentBytes: 1e12,
      sizeBytes: 1e12,
      fromOriginBytes: 1e12,
      fromPeersBytes: 1e12,
      uploadedBytes: 1e12,
    }
    return { digest: `sha256:${index.toString(16).padStart(64, '0')}`, state, ...counters, peers: 60, error: null }
  })
  const told = withArrivals(layers, () => arrivals({ racks }))
  assert.equal(told.filter((layer) => layer.arrivals !== undefined).length, 500)
  assert.ok(told.every(({ state, arrivals: came }) => state === 'complete' || came !== undefined))
  assert.ok(JSON.stringify(told).length < 3 * 1024 ** 2)
  assert.deepEqual(
    withArrivals(layers.slice(0, 1), () => undefined),
    layers.slice(0, 1),
  )
})
