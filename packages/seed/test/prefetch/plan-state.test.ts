import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { ErrorBody, LayerInventory, PlanState, PlanUnmet } from '@shoal/api'
import { NodeProgress } from '../../src/prefetch/node-progress.ts'
import type { PlanRecord } from '../../src/prefetch/plan-record.ts'
import { nextState, type PlanFacts } from '../../src/prefetch/plan-state.ts'
import { buildHeld, layerDigest } from '../nodes/known-layers.ts'
import { buildPlanRecord } from './plan-record-fixture.ts'
import { NOON_MS } from './simulated-fleet.ts'

const layer = layerDigest(1)
const PATIENCE_MS = 60_000
const fault: ErrorBody = { code: 'SHOAL_IMAGE_DEACTIVATED', message: 'Image a is off.', hint: '', details: {} }
const at = (ms: number) => new Date(NOON_MS + ms).toISOString()

type Row = 'ready' | 'fetching' | 'excluded' | 'lost' | 'failing' | 'failed'

function rowOf(kind: Row): NodeProgress {
  const row = new NodeProgress()
  const isFailed = kind === 'failing' || kind === 'failed'
  const state = kind === 'ready' ? 'complete' : isFailed ? 'failed' : 'fetching'
  const change: Partial<LayerInventory> = { state, presentBytes: 1, ...(isFailed ? { error: fault } : {}) }
  const nowMs = kind === 'failed' ? NOON_MS - PATIENCE_MS : NOON_MS - PATIENCE_MS + 1
  row.update([[layer, 100]], new Map([[layer, buildHeld(layer, change)]]), { nowMs, isEnded: () => false })
  if (kind === 'excluded' || kind === 'lost') row.presence = kind
  return row
}

function facts(rows: readonly Row[], change: Partial<PlanFacts> = {}): PlanFacts {
  const named = new Map(rows.map((row, index) => [`n${index}`, rowOf(row)]))
  return { rows: named, now: NOON_MS, isImporting: false, isStale: false, patienceMs: PATIENCE_MS, ...change }
}

function unmet(reason: PlanUnmet['reason']): PlanUnmet {
  return { image: 'image', reason, message: `Because ${reason}.`, nodes: [], nodeCount: 1, earliestAt: null }
}

interface Case {
  readonly name: string
  readonly rows: readonly Row[]
  readonly plan?: Partial<PlanRecord>
  readonly facts?: Partial<PlanFacts>
  readonly state: PlanState
  readonly says?: RegExp
}

const two = [
  { image: 'image', all: true as const },
  { image: 'other', all: true as const },
]
const cases: readonly Case[] = [
  { name: 'nodes fetch', rows: ['ready', 'fetching'], state: 'running' },
  { name: 'a node is lost, and may come back', rows: ['ready', 'lost'], state: 'running' },
  { name: 'a node fails since a moment', rows: ['ready', 'failing'], state: 'running' },
  { name: 'all are ready', rows: ['ready', 'ready'], state: 'done' },
  { name: 'all are ready, too late', rows: ['ready'], plan: { unmet: [unmet('deadline')] }, state: 'done' },
  { name: 'nothing is wanted of anybody', rows: [], state: 'done' },
  { name: 'some are away for good', rows: ['ready', 'excluded'], state: 'partly-done', says: /away/ },
  { name: 'a node fails for long', rows: ['ready', 'failed'], state: 'partly-done', says: /Image a is off/ },
  { name: 'all are away', rows: ['excluded'], state: 'partly-done' },
  {
    name: 'some have no room',
    rows: ['ready'],
    plan: { unmet: [unmet('deadline'), unmet('disk')] },
    state: 'partly-done',
    says: /Because disk/,
  },
  { name: 'an image is to come', rows: ['ready'], facts: { isImporting: true }, state: 'running' },
  { name: 'an image is to come, nobody is there', rows: [], facts: { isImporting: true }, state: 'running' },
  { name: 'it is not time', rows: ['fetching'], plan: { notBefore: at(1) }, state: 'planned' },
  { name: 'it is not time, though all have it', rows: ['ready'], plan: { notBefore: at(1) }, state: 'planned' },
  { name: 'it is time', rows: ['fetching'], plan: { notBefore: at(0) }, state: 'running' },
  { name: 'nothing can be met', rows: [], plan: { unmet: [unmet('no-nodes')] }, state: 'failed', says: /no-nodes/ },
  { name: 'a deadline alone is no failure', rows: [], plan: { unmet: [unmet('deadline')] }, state: 'done' },
  { name: 'every image failed', rows: [], plan: { failures: { image: fault } }, state: 'failed', says: /is off/ },
  {
    name: 'every image failed before it was time',
    rows: [],
    plan: { failures: { image: fault }, notBefore: at(1) },
    state: 'failed',
  },
  {
    name: 'one of two images failed',
    rows: ['ready'],
    plan: { images: two, failures: { image: fault } },
    state: 'partly-done',
    says: /is off/,
  },
  {
    name: 'one of two images failed, the other goes on',
    rows: ['fetching'],
    plan: { images: two, failures: { image: fault } },
    state: 'running',
  },
  {
    name: 'an image failed that is not wanted any more',
    rows: ['ready'],
    plan: { failures: { former: fault } },
    state: 'done',
  },
]

const FROM: readonly PlanState[] = ['planned', 'running', 'partly-done']
for (const { name, rows, plan, facts: change, state, says = /^/ } of cases) {
  it(`${name}: ${state}`, () => {
    for (const from of FROM) {
      const next = nextState(buildPlanRecord({ ...plan, state: from, error: null }), facts(rows, change))
      const isError = state === 'failed' || state === 'partly-done'
      if (from === state && !isError) assert.equal(next, undefined, `stays ${from}`)
      else assert.equal(next?.state, state, `from ${from}`)
      if (isError) assert.match(next?.error?.message ?? '', says)
      else assert.equal(next?.error ?? null, null)
    }
  })
  it(`${name}: nothing, when it is paused`, () => {
    assert.equal(nextState(buildPlanRecord({ ...plan, state: 'paused' }), facts(rows, change)), undefined)
  })
}

it('what is told once is not told again, unless it is something else', () => {
  const plan = buildPlanRecord({ unmet: [unmet('disk')] })
  const next = nextState(plan, facts(['ready']))
  assert.equal(next?.error?.code, 'SHOAL_PLAN_INCOMPLETE')
  const after = { ...plan, ...next }
  assert.equal(nextState(after, facts(['ready'])), undefined)
  assert.equal(nextState(after, facts(['ready', 'excluded']))?.state, 'partly-done')
})

it('does not end by what was planned before nodes came or went', () => {
  const isStale = { isStale: true }
  assert.equal(nextState(buildPlanRecord(), facts(['ready'], isStale)), undefined)
  assert.equal(nextState(buildPlanRecord({ unmet: [unmet('offline')] }), facts(['ready'], isStale)), undefined)
  const partly = buildPlanRecord({ state: 'partly-done' })
  assert.equal(nextState(partly, facts(['fetching'], isStale))?.state, 'running')
})
