import type { Plan, PrefetchRequest } from '@shoal/api'
import type { CommandContext } from '../context.ts'
import { isTransient } from '../follow/transient.ts'

/** Plans for ten thousand nodes, and their simulation, take their time. */
export const PLAN_TIMEOUT_MS = 300_000
const ATTEMPTS = 3
const RETRY_MS = 1000

/** Asks for a plan; again when the answer was lost, which the key makes safe. */
export async function createPlan(
  { client, clock, signal }: CommandContext,
  { request, key }: { readonly request: PrefetchRequest; readonly key?: string },
): Promise<Plan> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const headers = { 'idempotency-key': key }
      return await client.createPrefetch({ headers, body: request, signal, timeoutMs: PLAN_TIMEOUT_MS })
    } catch (error) {
      if (attempt === ATTEMPTS || !isTransient(error)) throw error
    }
    await clock.sleep(RETRY_MS, { signal })
  }
}
