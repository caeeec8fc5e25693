import { Link } from 'wouter'
import { useFleet } from '../fleet/fleet-context.ts'
import { Panel } from '../parts/panel.tsx'
import { PlanTable } from '../prefetch/plan-table.tsx'

const MAX_SHOWN = 8

/** Plans under way, and those that could not reach all of their nodes. */
export function RunningPlans() {
  const plans = useFleet((fleet) => fleet.plans.list())
  const open = plans.filter(({ state }) => state === 'running' || state === 'paused' || state === 'planned')
  return (
    <Panel title="Plans under way" to="/prefetch">
      {open.length === 0 ? (
        <p>
          No plan is under way. <Link href="/prefetch/new">Prefetch images</Link> before a bulk boot.
        </p>
      ) : (
        <PlanTable plans={open} maxRows={MAX_SHOWN} />
      )}
    </Panel>
  )
}
