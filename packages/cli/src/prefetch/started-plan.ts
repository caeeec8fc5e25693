import type { Plan } from '@shoal/api'
import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { formatBytes } from '../format/bytes.ts'
import { printFault } from '../print-error.ts'
import { formatUnmet } from './describe-unmet.ts'
import { endPlan, exitOfState } from './end-plan.ts'
import { endWait } from './end-wait.ts'
import { followPlan, isOver } from './follow-plan.ts'
import { describeEstimate } from './plan-facts.ts'
import { createPlanView } from './plan-view.ts'
import { idOf } from './resolve-plan.ts'
import { describeLabel } from './update-lines.ts'
import { waitReady } from './wait-ready.ts'

/** Says which plan was made, and waits for it as far as that is asked for. */
export async function startedPlan(
  context: CommandContext,
  plan: Plan,
  { wait, readyShare }: { readonly wait: boolean; readonly readyShare: number | undefined },
): Promise<ExitCode> {
  const { output, clock } = context
  const isWaiting = wait || readyShare !== undefined
  const print = isWaiting ? output.item.bind(output) : output.show.bind(output)
  print(plan, () => describe(plan, clock.now()))
  if (!isWaiting) return endStart(context, plan)
  return wait ? await waitDone(context, plan) : await waitShare(context, plan, readyShare ?? 1)
}

function endStart({ output, terminal }: CommandContext, { state, error, unmet }: Plan): ExitCode {
  if (error !== null) printFault(terminal, error, { json: output.isJson })
  // A key that was sent before gives a plan that may be over.
  if (isOver(state)) return exitOfState(state)
  return unmet.length === 0 ? EXIT.ok : EXIT.incomplete
}

async function waitDone(context: CommandContext, plan: Plan): Promise<ExitCode> {
  const label = { id: idOf(plan), name: plan.name, deadline: plan.deadline }
  return endPlan(context, await followPlan(context, { plan: label.id, view: createPlanView(context, label) }), label)
}

async function waitShare(context: CommandContext, plan: Plan, readyShare: number): Promise<ExitCode> {
  const result = await waitReady(context, { plan: idOf(plan), readyShare })
  if (context.output.isJson) context.output.item(result, () => '')
  return endWait(context, result)
}

function describe(plan: Plan, now: number): string {
  const { progress, prediction, name, state } = plan
  const missing = formatBytes(Math.max(0, progress.wantedBytes - progress.presentBytes))
  const estimatedFinishAt = progress.estimatedFinishAt ?? prediction.finishAt
  const when = describeEstimate({ ...plan, progress: { ...progress, estimatedFinishAt } }, now)
  const label = describeLabel({ id: idOf(plan), name })
  const started = `plan ${label}: ${state}, ${missing} to ${progress.nodes.total} nodes, ${when}`
  return [started, formatUnmet(plan.unmet)].filter((part) => part !== '').join('\n')
}
