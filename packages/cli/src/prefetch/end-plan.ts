import type { PlanState, PlanUpdate } from '@shoal/api'
import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { formatBytes } from '../format/bytes.ts'
import { printFault } from '../print-error.ts'
import { countNodes } from './plan-facts.ts'
import { describeLabel, type PlanLabel } from './update-lines.ts'

/** What the state of a plan that was waited for means to who waited. */
export function exitOfState(state: PlanState): ExitCode {
  if (state === 'done') return EXIT.ok
  return state === 'failed' ? EXIT.failed : EXIT.incomplete
}

/** Says how a plan ended that was followed to its end. */
export function endPlan(context: CommandContext, update: PlanUpdate, label: PlanLabel): ExitCode {
  const { output, terminal } = context
  const { state, progress, error } = update
  const held = `${formatBytes(progress.presentBytes)} of ${formatBytes(progress.wantedBytes)}`
  output.note(`${describeLabel(label)}: ${state}, ${countNodes(progress)}, ${held}`)
  if (error !== null) printFault(terminal, error, { json: output.isJson })
  return exitOfState(state)
}
