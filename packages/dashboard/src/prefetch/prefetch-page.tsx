import { Button, PageSection } from '@patternfly/react-core'
import { Link } from 'wouter'
import { useCanAct } from '../app/session-context.ts'
import { useFleet } from '../fleet/fleet-context.ts'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { PlanTable } from './plan-table.tsx'

const OPEN: readonly string[] = ['running', 'planned', 'paused', 'partly-done']

/** Plans: those that are open, and what became of the others. */
export function PrefetchPage() {
  const plans = useFleet((fleet) => fleet.plans.list())
  const canAct = useCanAct()
  const newest = [...plans].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
  const open = newest.filter(({ state }) => OPEN.includes(state))
  const over = newest.filter(({ state }) => !OPEN.includes(state))
  return (
    <>
      <PageHead title="Prefetch">
        {canAct ? (
          <Button variant="primary" component={(props) => <Link {...props} href="/prefetch/new" />}>
            New prefetch
          </Button>
        ) : null}
      </PageHead>
      <PageSection className="shoal-stack">
        <Panel title="Open">
          <PlanTable plans={open} maxRows={10} />
        </Panel>
        <Panel title="Over">
          <PlanTable plans={over} maxRows={10} />
        </Panel>
      </PageSection>
    </>
  )
}
