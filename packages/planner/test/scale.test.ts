import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPlan, simulate } from '@shoal/planner'
import { demand, digest, fleet, input, layer, MB, nodes } from './build-input.ts'

/** Of CPU time, several times what it takes: bench/planner says how long that is. */
const PLAN_CPU_SECONDS = 20
const SIMULATE_CPU_SECONDS = 30
const BASES = 10

function cpuSeconds(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

test('10,000 nodes times 100 images are planned in seconds', () => {
  const layers = Array.from({ length: BASES + 100 }, (_, number) =>
    layer(number, { bootBytes: MB, ...(number < BASES ? {} : { parent: digest(number % BASES) }) }),
  )
  const demands = Array.from({ length: 100 }, (_, index) => demand(`d${index}`, [index % BASES, index + BASES]))
  const some = nodes(10_000, (index) => ({ rack: `r${Math.floor(index / 40)}`, freeCacheBytes: 1e12 }))
  const one = input({ layers, demands, fleet: fleet(layers, { nodes: some }) })
  let assignments = 0
  const seconds = cpuSeconds(() => {
    assignments = createPlan(one).assignments.length
  })
  assert.equal(assignments, 1_100_000)
  assert.ok(seconds < PLAN_CPU_SECONDS, `${seconds} s`)
})

test('5,000 nodes that are no two alike are simulated in seconds', () => {
  const some = nodes(5000, (index) => ({ rack: `r${Math.floor(index / 40)}` }))
  const one = input({ fleet: fleet([layer(1)], { nodes: some }) })
  const plan = createPlan(one)
  const seconds = cpuSeconds(() => {
    assert.notEqual(simulate(one, plan, { rateSpread: 0.3, startUpSpread: 0.5 }).finishMs, undefined)
  })
  assert.ok(seconds < SIMULATE_CPU_SECONDS, `${seconds} s`)
})
