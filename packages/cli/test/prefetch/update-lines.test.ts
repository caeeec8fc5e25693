import assert from 'node:assert/strict'
import { it } from 'node:test'
import { formatUpdate, formatUpdateLine } from '../../src/prefetch/update-lines.ts'
import { buildDone, buildPlanNode, buildProgress, buildUpdate, GIB, later, NOW } from './build-plan.ts'

const label = { id: 'p-1a2b', name: 'nightly', deadline: later(300) }
const view = { label, now: NOW, columns: 80, rows: 23 }
const slow = {
  code: 'slow-link',
  message: 'Its link gave 1.0 MiB/s for 30 s, those of its rack 110 MiB/s in the median.',
} as const
const running = buildUpdate({
  progress: buildProgress({
    nodes: { total: 45, waiting: 2, fetching: 29, ready: 12, failed: 1, excluded: 1 },
    slowest: [
      buildPlanNode('compute-3', {
        state: 'failed',
        bytesPerSecond: 0,
        estimatedFinishAt: null,
        reason: { code: 'error', message: 'The disk is full.' },
      }),
      buildPlanNode('compute-12', { estimatedFinishAt: later(723), reason: slow }),
      buildPlanNode('compute-13.of-a-long-name.example.org', { reason: slow }),
      buildPlanNode('compute-4', { presentBytes: GIB - 1 }),
      buildPlanNode('compute-5', { state: 'ready', presentBytes: GIB }),
    ],
  }),
})

it('shows state, bar, nodes by state, rate, estimate and the slowest nodes with what holds each up', () => {
  assert.deepEqual(formatUpdate(running, view), [
    'plan nightly (p-1a2b): running',
    '[==============================------------------------------]  50 % of 4.00 GiB',
    'nodes  12 of 45 ready, 29 fetching, 2 waiting, 1 failed, 1 excluded',
    'time   10.0 MiB/s, ready in 3 min 25 s, 1 min 35 s before the deadline',
    '',
    'SLOWEST                   STATE     DONE        RATE    READY IN  WHY',
    'compute-3                 failed    25 %           -           -  error',
    '  The disk is full.',
    'compute-12                fetching  25 %  1.00 MiB/s  12 min 3 s  slow-link',
    '  Its link gave 1.0 MiB/s for 30 s, those of its rack 110 MiB/s in the median.',
    'compute-13.of-a-long-...  fetching  25 %  1.00 MiB/s   5 min 0 s  slow-link',
    'compute-4                 fetching  99 %  1.00 MiB/s   5 min 0 s  -',
  ])
})

it('says what is missed or lost', () => {
  const progress = buildProgress({ estimatedFinishAt: null, bytesPerSecond: 0 })
  const lines = formatUpdate(buildUpdate({ progress }), { ...view, isCut: true })
  assert.deepEqual(lines, [
    'plan nightly (p-1a2b): running (connection lost, connecting again)',
    '[==============================------------------------------]  50 % of 4.00 GiB',
    'nodes  1 of 4 ready, 2 fetching, 1 waiting',
    'time   not known yet, deadline in 5 min 0 s',
  ])
  const late = buildUpdate({ progress: buildProgress({ estimatedFinishAt: later(310) }) })
  assert.equal(formatUpdate(late, view)[3], 'time   10.0 MiB/s, ready in 5 min 10 s, 10 s AFTER THE DEADLINE')
  const over = { ...view, now: NOW + 400_000 }
  assert.equal(formatUpdate(buildUpdate({ progress }), over)[3], 'time   not known yet, DEADLINE OVER')
})

it('is full when all nodes are ready, and lists no slow ones', () => {
  const unnamed = { ...view, label: { id: 'p-1a2b', name: '', deadline: null } }
  assert.deepEqual(formatUpdate(buildUpdate({ state: 'done', progress: buildDone() }), unnamed), [
    'plan p-1a2b: done',
    '[============================================================] 100 % of 4.00 GiB',
    'nodes  4 of 4 ready',
    'time   all are ready',
  ])
})

it('is empty while it is not known yet what is to come', () => {
  const nodes = { total: 0, waiting: 0, fetching: 0, ready: 0, failed: 0, excluded: 0 }
  const progress = buildProgress({ nodes, wantedBytes: 0, presentBytes: 0, bytesPerSecond: 0, estimatedFinishAt: null })
  assert.deepEqual(formatUpdate(buildUpdate({ progress }), view), [
    'plan nightly (p-1a2b): running',
    '[------------------------------------------------------------]   0 % of 0 B',
    'nodes  0 of 0 ready',
    'time   no nodes yet',
  ])
})

it('is never wider or higher than the terminal, and keeps control characters from it', () => {
  const evil = buildUpdate({
    progress: buildProgress({
      slowest: Array.from({ length: 10 }, (_, index) =>
        buildPlanNode(`n${index}`, { reason: { code: 'error', message: `\u001b[2J${index} ${'x'.repeat(200)}` } }),
      ),
    }),
  })
  for (const columns of [40, 60, 80, 120]) {
    for (const rows of [8, 23, 50]) {
      const lines = formatUpdate(evil, { ...view, columns, rows })
      assert.ok(lines.length <= rows && lines.length > 4, `${columns}x${rows}: ${lines.length} lines`)
      assert.deepEqual(
        lines.filter((line) => line.length > columns || line.includes('\u001b')),
        [],
        `${columns}x${rows}`,
      )
    }
  }
})

it('fits one line where there is no terminal', () => {
  assert.equal(
    formatUpdateLine(running, view),
    'nightly (p-1a2b): running, 50 % of 4.00 GiB, 10.0 MiB/s, ready in 3 min 25 s, 1 min 35 s before the deadline, ' +
      '12 of 45 ready, 29 fetching, 2 waiting, 1 failed, 1 excluded, slowest compute-3 (error)',
  )
})
