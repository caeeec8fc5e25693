import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PlacementProblem } from '@shoal/scheduler'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { PlacementSolver } from '../../src/placement/placement-solver.ts'

const problem: PlacementProblem = {
  vms: [2],
  chains: [[0]],
  costs: [Float64Array.of(5, 0)],
  slots: Int32Array.of(1, 1),
  loads: new Float64Array(2),
  spreadCost: 1,
  waitShare: 0,
}

it('solves in a thread, refuses more than wait already, and says what is wrong with a problem', async (t) => {
  const solver = new PlacementSolver()
  undoAfter(t).after(() => solver.close())
  const all = await Promise.allSettled(Array.from({ length: 12 }, () => solver.solve(problem)))
  assert.deepEqual(
    all.map(({ status }) => status),
    [...new Array(8).fill('fulfilled'), ...new Array(4).fill('rejected')],
  )
  assert.equal(all[11]?.status === 'rejected' && (all[11].reason as { code: string }).code, 'SHOAL_PLACEMENT_BUSY')
  await assert.rejects(solver.solve({ ...problem, chains: [[9]] }), { code: 'SHOAL_PLACEMENT_SOLVER' })
  assert.equal((await solver.solve(problem)).transferCost, 5)
})
