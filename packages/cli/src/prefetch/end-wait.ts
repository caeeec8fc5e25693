import type { WaitResult } from '@shoal/api'
import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { printFault } from '../print-error.ts'
import { exitOfState } from './end-plan.ts'
import { countNodes } from './plan-facts.ts'
import { idOf } from './resolve-plan.ts'
import { describeLabel } from './update-lines.ts'

/** Says what came of waiting for nodes to be ready. */
export function endWait({ output, terminal }: CommandContext, { reached, plan }: WaitResult): ExitCode {
  const { state, progress, name, error } = plan
  const label = describeLabel({ id: idOf(plan), name })
  output.note(`${label}: ${reached ? '' : 'NOT ENOUGH READY: '}${countNodes(progress)} (${state})`)
  if (reached) return EXIT.ok
  if (error !== null) printFault(terminal, error, { json: output.isJson })
  return state === 'failed' ? exitOfState(state) : EXIT.incomplete
}
