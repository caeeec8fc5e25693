import { PageSection } from '@patternfly/react-core'
import { FleetMap } from '../charts/fleet-map.tsx'
import { useFleet } from '../fleet/fleet-context.ts'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { HealthCard } from './health-card.tsx'
import { LatestEvents } from './latest-events.tsx'
import { OverviewFigures } from './overview-figures.tsx'
import { RunningPlans } from './running-plans.tsx'
import { TrafficCard } from './traffic-card.tsx'

/** What an operator wants to know within two seconds, from top to bottom. */
export function OverviewPage() {
  const overview = useFleet((fleet) => fleet.overview)
  const nodes = useFleet((fleet) => fleet.nodes.list())
  if (overview === undefined) return null
  return (
    <>
      <PageHead title="Overview" />
      <PageSection className="shoal-stack">
        <HealthCard health={overview.health} />
        <OverviewFigures overview={overview} />
        <RunningPlans />
        <div className="shoal-columns">
          <Panel title="Nodes" to="/nodes">
            <FleetMap nodes={nodes} />
          </Panel>
          <TrafficCard />
        </div>
        <LatestEvents />
      </PageSection>
    </>
  )
}
