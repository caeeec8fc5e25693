import type { PrefetchChange } from '@shoal/api'
import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { describePlan } from './describe-plan.ts'
import { resolvePlanId } from './resolve-plan.ts'

/** Changes a plan and shows what became of it. */
export async function changePlan(context: CommandContext, text: string, change: PrefetchChange): Promise<ExitCode> {
  const { client, clock, output, signal } = context
  const id = await resolvePlanId(client, text, { signal })
  const plan = await client.changePrefetch({ params: { plan: id }, body: change, signal })
  output.show(plan, () => describePlan(plan, clock.now()))
  return EXIT.ok
}
