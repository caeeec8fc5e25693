import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HEALTH_CODES } from '@shoal/api'
import type { FleetFacts } from '../../src/health/fleet-facts.ts'
import { judgeHealth } from '../../src/health/judge-health.ts'
import { facts, planFacts } from './facts-fixture.ts'

const fleet = (changes: Partial<FleetFacts['nodes']>) => facts({ nodes: { ...facts().nodes, ...changes } })
const library = (changes: Partial<FleetFacts['library']>) => facts({ library: { ...facts().library, ...changes } })

test('a fleet to which nothing has happened is healthy, and says how large it is and how busy', () => {
  assert.deepEqual(judgeHealth(facts()), {
    verdict: 'healthy',
    sentence: 'The swarm is healthy: 100 nodes are ready.',
    reasons: [],
  })
  const busy = judgeHealth(facts({ plans: [planFacts(), planFacts({ id: 'plan-2', state: 'done' })] }))
  assert.equal(busy.sentence, 'The swarm is healthy: 100 nodes are ready, 1 plan under way.')
})

/** Each cause, the code it has, how bad it is and where it leads. */
const CASES: readonly (readonly [string, FleetFacts, string, string, object])[] = [
  ['the library is silent', library({ reachable: false }), 'library-unreachable', 'critical', { kind: 'library' }],
  [
    'reading is at its limit while something is imported',
    library({ rateBytesPerSecond: 95, limitBytesPerSecond: 100, importing: 2 }),
    'library-at-limit',
    'notice',
    { kind: 'library' },
  ],
  [
    'an import failed',
    facts({ failedImages: [{ id: 'i', name: 'web', message: 'No.' }] }),
    'import-failed',
    'warning',
    { kind: 'images', filter: 'failed' },
  ],
  ['one node is lost', fleet({ troubled: { lost: ['n1'] } }), 'nodes-lost', 'warning', { kind: 'nodes', id: 'n1' }],
  [
    'a tenth of the nodes is lost',
    fleet({ troubled: { lost: Array.from({ length: 10 }, (_, index) => `n${index}`) } }),
    'nodes-lost',
    'critical',
    { kind: 'nodes', id: null, filter: 'lost' },
  ],
  ['a daemon died', fleet({ troubled: { disconnected: ['n1'] } }), 'nodes-lost', 'warning', { filter: 'disconnected' }],
  ['a firewall', fleet({ troubled: { unreachable: ['n1'] } }), 'nodes-unreachable', 'warning', { id: 'n1' }],
  ['a layer was given up', fleet({ troubled: { failed: ['n1'] } }), 'layers-failed', 'warning', { id: 'n1' }],
  ['a node gets nothing', fleet({ troubled: { stuck: ['n1'] } }), 'nodes-stuck', 'warning', { id: 'n1' }],
  ['a node is alone', fleet({ troubled: { 'no-source': ['n1'] } }), 'nodes-stuck', 'warning', { id: 'n1' }],
  ['a node was put away', fleet({ quarantined: ['n1'] }), 'nodes-quarantined', 'notice', { kind: 'nodes', id: 'n1' }],
  ['nodes drain', fleet({ draining: ['n1', 'n2'] }), 'nodes-draining', 'notice', { id: null, filter: 'draining' }],
  ['a node does harm', fleet({ suspects: [{ node: 'n1', reporters: 3 }] }), 'node-suspect', 'warning', { id: 'n1' }],
  [
    'somebody sends more than is taken',
    facts({
      floods: [
        { what: 'dht-flood', name: 'datagrams', refusals: 12_034, from: { address: '10.0.0.9', refusals: 12_000 } },
      ],
    }),
    'flooded',
    'warning',
    { kind: 'limits', filter: 'dht-flood' },
  ],
  ['nodes are flooded', facts({ recent: { 'node.flooded': 2 } }), 'flooded', 'warning', { filter: 'node.flooded' }],
  ['no node has come', fleet({ total: 0, ready: 0 }), 'no-nodes', 'warning', { kind: 'nodes' }],
  ['caches are full', fleet({ full: 30 }), 'cache-pressure', 'notice', { kind: 'nodes', filter: 'full' }],
  [
    'the seed does the work of the swarm',
    facts({
      nodes: { ...facts().nodes, fetching: 50 },
      traffic: { downBytesPerSecond: 1e8, seedUpBytesPerSecond: 9e7 },
    }),
    'seed-overused',
    'warning',
    { kind: 'layer' },
  ],
  ['a plan is late', facts({ plans: [planFacts({ isLate: true })] }), 'plan-late', 'warning', { id: 'plan-1' }],
  [
    'a plan stands still',
    facts({ plans: [planFacts({ stillMs: 40_000 })] }),
    'plan-stuck',
    'critical',
    { id: 'plan-1' },
  ],
  [
    'a plan could not reach all',
    facts({ plans: [planFacts({ state: 'partly-done' })] }),
    'plan-incomplete',
    'warning',
    { kind: 'plan' },
  ],
  ['a peer lied', facts({ recent: { 'peer.banned': 1 } }), 'peers-banned', 'warning', { filter: 'peer.banned' }],
  ['a manifest is not signed', facts({ badSignatures: 1 }), 'bad-signature', 'critical', { kind: 'events' }],
  ['VMs waited', facts({ recent: { 'boot.stalled': 3 } }), 'boots-stalled', 'warning', { kind: 'boots' }],
  ['a VM read an error', facts({ recent: { 'boot.failed-read': 1 } }), 'boots-failed', 'critical', { kind: 'boots' }],
]

for (const [cause, given, code, severity, subject] of CASES) {
  test(`${cause}: ${code}, and nothing else`, () => {
    const { verdict, reasons, sentence } = judgeHealth(given)
    assert.deepEqual(
      reasons.map((reason) => [reason.code, reason.severity]),
      [[code, severity]],
    )
    assert.partialDeepStrictEqual(reasons[0]?.subject, subject)
    assert.equal(verdict, severity === 'critical' ? 'critical' : severity === 'warning' ? 'degraded' : 'healthy')
    if (severity !== 'notice') assert.ok(sentence.includes((reasons[0]?.message ?? '?').replace(/\.$/, '')))
    assert.match(reasons[0]?.message ?? '', /^[A-Z\d“].*[.]$/, 'a sentence')
  })
}

test('every code has a case', () => {
  assert.deepEqual([...new Set(CASES.map(([, , code]) => code))].sort(), [...HEALTH_CODES].sort())
})

test('what is nearly so is no reason', () => {
  const calm = [
    library({ rateBytesPerSecond: 95, limitBytesPerSecond: 100, importing: 0 }),
    library({ rateBytesPerSecond: 80, limitBytesPerSecond: 100, importing: 2 }),
    facts({
      nodes: { ...facts().nodes, fetching: 2 },
      traffic: { downBytesPerSecond: 1e8, seedUpBytesPerSecond: 1e8 },
    }),
    facts({ plans: [planFacts({ stillMs: 20_000 }), planFacts({ state: 'paused', isLate: true, stillMs: 1e6 })] }),
    fleet({ troubled: { slow: ['n1'], full: ['n2'] }, full: 5 }),
  ]
  for (const given of calm) assert.deepEqual(judgeHealth(given).reasons, [])
})

test('the worst comes first; the sentence tells two reasons and how many more there are', () => {
  const given = facts({
    library: { ...facts().library, reachable: false },
    nodes: { ...facts().nodes, troubled: { lost: ['n1'] } },
    plans: [planFacts({ isLate: true })],
    recent: { 'peer.banned': 2 },
  })
  const { verdict, reasons, sentence } = judgeHealth(given)
  assert.equal(verdict, 'critical')
  assert.equal(reasons[0]?.code, 'library-unreachable')
  assert.match(sentence, /^The swarm is in trouble: The image library.*; Node n1 sends no heartbeats; and 2 more\.$/)
})

test('a flood is told with who sends most of it, to two digits, and the worst three of them', () => {
  const flood = { what: 'announce', name: 'announces' } as const
  const said = (refusals: number, from?: { address: string; refusals: number }) =>
    judgeHealth(facts({ floods: [{ ...flood, refusals, from }] })).reasons[0]?.message.split(' within')[0]
  assert.equal(
    said(12_034, { address: '10.0.0.9', refusals: 12_000 }),
    'The seed is flooded by 10.0.0.9: about 12,000 announces were refused',
  )
  assert.match(said(500, { address: '10.0.0.9', refusals: 20 }) ?? '', /by 10\.0\.0\.9 and others: about 500/)
  assert.match(said(500) ?? '', /^The seed is flooded: about 500/)
  const many = facts({ floods: Array.from({ length: 9 }, () => ({ ...flood, refusals: 100, from: undefined })) })
  assert.equal(judgeHealth(many).reasons.length, 3)
})
