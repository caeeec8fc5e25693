import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { HeartbeatAnswer, Heartbeat as HeartbeatBody, LayerFacts } from '@shoal/api'
import { errorFactory, ManualClock, silentLogger } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import { EventQueue } from '../src/event-queue.ts'
import { Heartbeat } from '../src/heartbeat.ts'
import { fakeSeed } from './fake-seed.ts'

const seedError = errorFactory({
  SHOAL_API_UNREACHABLE: { message: 'm', hint: 'h' },
  SHOAL_NODE_UNKNOWN: { message: 'm', hint: 'h' },
  SHOAL_HTTP_INVALID: { message: 'm', hint: 'h' },
})
const inventory = {
  layers: [],
  diskFreeBytes: 1,
  diskUsedBytes: 0,
  downBytesPerSecond: 0,
  upBytesPerSecond: 0,
  load1: 0,
}
const event = (message: string) => ({ at: '2026-01-01T00:00:00Z', type: 'layer.failed', message, details: {} })
const LAYER = `sha256:${'a'.repeat(64)}` as const
const { signal } = new AbortController()

function setUp(answer: (body: HeartbeatBody) => HeartbeatAnswer) {
  const events = new EventQueue({ state: createMemoryState(), logger: silentLogger })
  const clock = new ManualClock(1_700_000_000_000)
  const revisions: number[] = []
  let unknown = 0
  const told: LayerFacts[] = []
  const uses = {
    acknowledged: 0,
    uses: [{ layer: LAYER, uses: 2 }],
    acknowledge: () => {
      uses.acknowledged += 1
    },
  }
  const heartbeat = new Heartbeat(
    {
      seed: fakeSeed({ heartbeat: async ({ body }) => answer(body as HeartbeatBody) }),
      events,
      inventory: async () => inventory,
      uses: () => uses,
      onFacts: (facts) => told.push(...facts),
      clock,
      random: () => 0.5,
      logger: silentLogger,
      onRevision: (revision) => revisions.push(revision),
      onRevocations: () => {},
      onUnknown: () => {
        unknown += 1
      },
    },
    { node: 'n', intervalMs: () => 1000 },
  )
  return { clock, heartbeat, events, revisions, uses, told, unknown: () => unknown }
}

test('events are sent again until the seed answers, and the revision is handed on', async () => {
  const sent: string[][] = []
  const { heartbeat, events, revisions } = setUp((body) => {
    sent.push(body.events.map(({ message }) => message))
    if (sent.length === 1) throw seedError('SHOAL_API_UNREACHABLE')
    return { revision: 7 }
  })
  await events.add(event('1'))
  equal(await heartbeat.beat({ signal }), false)
  await events.add(event('2'))
  equal(await heartbeat.beat({ signal }), false)
  await heartbeat.beat({ signal })
  deepEqual(sent, [['1'], ['1', '2'], []])
  deepEqual(revisions, [7, 7])
})

test('more events than one heartbeat carries ask for another at once', async () => {
  const { heartbeat, events } = setUp(() => ({ revision: 1 }))
  for (let index = 0; index < 150; index += 1) await events.add(event(String(index)))
  equal(await heartbeat.beat({ signal }), true)
  equal(await heartbeat.beat({ signal }), false)
  equal(events.length, 0)
})

test('a node that the seed does not know asks to be registered and keeps its events', async () => {
  const { heartbeat, events, unknown } = setUp(() => {
    throw seedError('SHOAL_NODE_UNKNOWN')
  })
  await events.add(event('1'))
  await heartbeat.beat({ signal })
  equal(unknown(), 1)
  equal(events.length, 1)
})

test('an event that the seed finds malformed does not block the next heartbeats', async () => {
  const { heartbeat, events } = setUp((body) => {
    if (body.events.length > 0) throw seedError('SHOAL_HTTP_INVALID')
    return { revision: 1 }
  })
  await events.add(event('1'))
  await heartbeat.beat({ signal })
  equal(events.length, 0)
})

test('uses are told until the seed answers, and what it knows of the layers is handed on', async () => {
  const facts = { layer: LAYER, useShare: 0.5, replicas: { rack: 1, zone: 0, elsewhere: 2 }, bootBytes: 7 }
  let isThere = false
  const sent: HeartbeatBody['uses'][] = []
  const { heartbeat, uses, told } = setUp((body) => {
    sent.push(body.uses)
    if (!isThere) throw seedError('SHOAL_API_UNREACHABLE')
    return { revision: 1, layers: [facts] }
  })
  await heartbeat.beat({ signal })
  equal(uses.acknowledged, 0)
  isThere = true
  await heartbeat.beat({ signal })
  equal(uses.acknowledged, 1)
  deepEqual(sent[1], [{ layer: LAYER, uses: 2 }])
  deepEqual(told, [facts])
})

test('what the seed knows of all layers is asked for once a minute, whatever the clock is set to', async () => {
  const asked: boolean[] = []
  const { clock, heartbeat } = setUp((body) => {
    asked.push(body.wantsFacts === true)
    const { sequence = 0, digest = null } = body.report ?? {}
    return { revision: 1, reported: { sequence, digest }, layers: [] }
  })
  await heartbeat.beat({ signal })
  await heartbeat.beat({ signal })
  clock.set(0)
  await heartbeat.beat({ signal })
  clock.set(1_800_000_000_000)
  await heartbeat.beat({ signal })
  clock.set(0)
  clock.advance(60_000)
  await heartbeat.beat({ signal })
  deepEqual(asked, [false, false, false, false, true])
})
