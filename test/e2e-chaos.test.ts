import { test } from 'node:test'
import { runChaos } from './chaos/run-chaos.ts'
import { undoAfter } from './harness/undo.ts'

const isRoot = process.getuid?.() === 0

/** Of `npm run test:chaos`, a quarter of a minute with fewer nodes and always the same faults, every kind of them once. */
test('four nodes survive each kind of fault once', {
  timeout: 240_000,
  skip: isRoot ? false : 'network namespaces need root',
}, async (t) => {
  await runChaos(undoAfter(t), {
    ...{ seed: 39, racks: 2, nodesPerRack: 2, seconds: 20, faultEveryMs: 1000, imageEveryMs: 6000, machine: false },
    say: (line) => t.diagnostic(line),
  })
})
