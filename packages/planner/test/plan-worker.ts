import { parentPort } from 'node:worker_threads'
import { createPlan, type PlannerInput, simulate } from '@shoal/planner'

/** Plans and simulates what it is sent, as the seed's thread does. */
parentPort?.on('message', (input: PlannerInput) => {
  const plan = createPlan(input)
  parentPort?.postMessage({ plan, simulation: simulate(input, plan) })
})
