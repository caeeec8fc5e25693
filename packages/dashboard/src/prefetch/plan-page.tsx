import { Alert, Breadcrumb, BreadcrumbItem, PageSection } from '@patternfly/react-core'
import { Link } from 'wouter'
import { call } from '../api/call.ts'
import { EventTable } from '../events/event-table.tsx'
import { useFleet } from '../fleet/fleet-context.ts'
import { useAnswer } from '../fleet/use-answer.ts'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { Problem } from '../parts/problem.tsx'
import { StateLabel } from '../parts/state-label.tsx'
import { PlanActions } from './plan-actions.tsx'
import { PlanForecast } from './plan-forecast.tsx'
import { PlanNodes } from './plan-nodes.tsx'
import { PlanProgressFacts } from './plan-progress-facts.tsx'
import { planTone } from './plan-tone.ts'
import { WaveProgress } from './wave-progress.tsx'

/** One plan: how far it is, who is slow and why, and what can be done about it. */
export function PlanPage({ id }: { id: string }) {
  const summary = useFleet((fleet) => fleet.plans.get(id))
  const events = useFleet((fleet) => fleet.events)
  const { answer, problem } = useAnswer(
    (signal) => call('showPrefetch', { params: { plan: id }, signal }),
    summary?.state,
  )
  const plan = summary ?? answer
  const above = (
    <Breadcrumb>
      <BreadcrumbItem render={() => <Link href="/prefetch">Prefetch</Link>} />
      <BreadcrumbItem isActive>{id}</BreadcrumbItem>
    </Breadcrumb>
  )
  if (plan === undefined) {
    return (
      <>
        <PageHead title={id} above={above} />
        <PageSection>{problem === undefined ? null : <Problem error={problem} />}</PageSection>
      </>
    )
  }
  return (
    <>
      <PageHead title={plan.name || id} above={above}>
        <span data-testid="plan-state">
          <StateLabel tone={planTone(plan.state)} state={plan.state} />
        </span>
        {plan.kind === 'download' ? null : <PlanActions id={id} name={plan.name || id} state={plan.state} />}
      </PageHead>
      <PageSection className="shoal-stack">
        {plan.error === null ? null : (
          <Alert variant="warning" isInline title={plan.error.message}>
            {plan.error.hint}
          </Alert>
        )}
        <PlanProgressFacts plan={plan} />
        <Panel title="Waves">
          <WaveProgress plan={plan} foretold={answer?.waves ?? []} />
        </Panel>
        {plan.progress.slowest.length === 0 ? null : (
          <Panel title="The slowest, and why">
            <PlanNodes nodes={plan.progress.slowest} label="Slowest nodes" maxRows={5} />
          </Panel>
        )}
        <Panel title="Every node">
          <AllNodes id={id} version={plan.progress} count={plan.progress.nodes.total} />
        </Panel>
        {answer === undefined || plan.kind === 'download' ? null : (
          <Panel title="What was planned">
            <PlanForecast plan={answer} />
          </Panel>
        )}
        <Panel title="Events" to="/events">
          <EventTable events={events.filter((event) => event.plan === id)} maxRows={6} />
        </Panel>
      </PageSection>
    </>
  )
}

const PAGE = 1000

/** So often the table is asked for again while the plan gets on; that of thousands of nodes less often. */
const gapMs = (count: number) => (count > 500 ? 5000 : 2000)

function AllNodes({ id, version, count }: { id: string; version: unknown; count: number }) {
  const { answer, problem } = useAnswer(
    async (signal) => {
      const all = []
      let after: string | undefined
      do {
        const page = await call('listPrefetchNodes', { params: { plan: id }, query: { limit: PAGE, after }, signal })
        all.push(...page.nodes)
        after = page.next ?? undefined
      } while (after !== undefined)
      return all
    },
    version,
    gapMs(count),
  )
  if (problem !== undefined) return <Problem error={problem} />
  return answer === undefined ? null : <PlanNodes nodes={answer} label="Nodes of the plan" maxRows={12} />
}
