import { ENDED_PLAN_STATES, type PlanState, type PlanUpdate } from '@shoal/api'
import type { CommandContext } from '../context.ts'
import type { PlanView } from './plan-view.ts'
import { createReconnect } from './reconnect.ts'

/** Whether waiting for a plan is over: what it still lacks then may come at any time or never. */
export function isOver(state: PlanState): boolean {
  return state === 'partly-done' || ENDED_PLAN_STATES.includes(state)
}

/** Follows a plan, which the seed has told of before, until it is over; connects again when the stream is cut. */
export async function followPlan(
  context: CommandContext,
  { plan, view }: { readonly plan: string; readonly view: PlanView },
): Promise<PlanUpdate> {
  const { client, signal } = context
  const reconnect = createReconnect(context)
  for (;;) {
    try {
      for await (const { data } of client.streamPrefetch({ params: { plan }, signal })) {
        reconnect.succeeded()
        view.update(data)
        if (isOver(data.state)) return data
      }
      // It was ended by a seed that stops.
    } catch (error) {
      reconnect.check(error)
    }
    view.cut()
    await reconnect.pause()
  }
}
