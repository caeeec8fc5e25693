import { parentPort } from 'node:worker_threads'
import type { Simulate } from '@shoal/api'
import { errorMessage, seededRandom } from '@shoal/core'
import { createPlan, type FleetEvent, type Plan, type PlannerInput, type Simulation, simulate } from '@shoal/planner'
import type { ThreadReply } from '../thread-queue.ts'

export interface PlanningTask {
  readonly input: PlannerInput
  readonly previous: Pick<Plan, 'assignments' | 'placements'> | undefined
  readonly simulate: Simulate | undefined
}

export interface PlanningResult {
  readonly plan: Plan
  readonly simulation: Simulation | undefined
}

const SLOW_SHARE = 0.1

/** What befalls the fleet in a simulation: some nodes are slow from the start, some die halfway. */
function eventsOf(input: PlannerInput, plan: Plan, wanted: Simulate): FleetEvent[] {
  const { slowNodes = 0, lostNodes = 0, randomSeed = 1 } = wanted
  const random = seededRandom(randomSeed)
  const halfway = input.nowMs + ((plan.predicted.finishMs ?? input.nowMs) - input.nowMs) / 2
  return plan.predicted.nodes.flatMap(({ node }): FleetEvent[] => {
    const isSlow = random() < slowNodes
    const isLost = random() < lostNodes
    return [
      ...(isSlow ? [{ kind: 'node-slows', node, share: SLOW_SHARE, atMs: input.nowMs } as const] : []),
      ...(isLost ? [{ kind: 'node-dies', node, atMs: halfway } as const] : []),
    ]
  })
}

function work({ input, previous, simulate: wanted }: PlanningTask): PlanningResult {
  const plan = createPlan(input, { previous })
  if (wanted === undefined) return { plan, simulation: undefined }
  const { rateSpread, randomSeed } = wanted
  const events = eventsOf(input, plan, wanted)
  return { plan, simulation: simulate(input, plan, { events, rateSpread, randomSeed }) }
}

parentPort?.on('message', (task: PlanningTask) => {
  let reply: ThreadReply<PlanningResult>
  try {
    reply = { result: work(task) }
  } catch (error) {
    reply = { reason: errorMessage(error) }
  }
  parentPort?.postMessage(reply)
})
