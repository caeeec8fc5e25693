import { parentPort } from 'node:worker_threads'
import { errorMessage } from '@shoal/core'
import { type JointPlacement, type PlacementProblem, placeJointly } from '@shoal/scheduler'
import type { ThreadReply } from '../thread-queue.ts'

parentPort?.on('message', (problem: PlacementProblem) => {
  let reply: ThreadReply<JointPlacement>
  try {
    reply = { result: placeJointly(problem) }
  } catch (error) {
    reply = { reason: errorMessage(error) }
  }
  parentPort?.postMessage(reply)
})
