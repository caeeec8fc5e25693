import type { PlanState } from '@shoal/api'
import type { Tone } from '../parts/state-label.tsx'

/** How a state of a plan is coloured; its word is always beside it. */
export function planTone(state: PlanState): Tone {
  if (state === 'done') return 'success'
  if (state === 'failed' || state === 'expired') return 'danger'
  if (state === 'partly-done' || state === 'paused') return 'warning'
  return state === 'running' ? 'info' : 'plain'
}
