import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { createPlan, simulate } from '@shoal/planner'
import { demand, digest, fleet, input, layer, MB, nodes } from './build-input.ts'

test('input, plan and simulation pass from thread to thread and are the same there', async () => {
  const layers = [layer(1, { bootBytes: 7 * MB }), layer(2, { parent: digest(1) })]
  const some = nodes(12, (index) => ({ rack: `r${index % 3}`, isAlive: index !== 7 }))
  const target = { kind: 'vms' as const, vms: 30, vmsPerNode: 2 }
  const demands = [demand('all', [1, 2]), demand('vms', [1], { target })]
  const one = input({ layers, demands, fleet: fleet(layers, { nodes: some }), limits: { seedUpBytesPerSecond: MB } })
  const worker = new Worker(new URL('./plan-worker.ts', import.meta.url))
  try {
    worker.postMessage(one)
    const [{ plan, simulation }] = await once(worker, 'message')
    const here = createPlan(one)
    assert.deepEqual(plan, here)
    assert.deepEqual(simulation, simulate(one, here))
  } finally {
    await worker.terminate()
  }
})
