import { Breadcrumb, BreadcrumbItem, PageSection } from '@patternfly/react-core'
import { Link } from 'wouter'
import { call } from '../api/call.ts'
import { HeatMap } from '../charts/heat-map.tsx'
import { SwarmGraph } from '../charts/swarm-graph.tsx'
import { ArrivalsPanel } from '../events/arrivals-panel.tsx'
import { useFleet } from '../fleet/fleet-context.ts'
import { useAnswer } from '../fleet/use-answer.ts'
import { shortDigest } from '../format/names.ts'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { Problem } from '../parts/problem.tsx'
import { FlowTable } from './flow-table.tsx'
import { LayerFacts } from './layer-facts.tsx'
import { RackTable } from './rack-table.tsx'
import { RarestStretches } from './rarest-stretches.tsx'

/** One layer: which part of it is on which node, what is rare, and how it spreads from rack to rack. */
export function LayerPage({ digest }: { digest: string }) {
  const layer = useFleet((fleet) => fleet.layers.get(digest))
  const at = useFleet((fleet) => fleet.overview?.at)
  const { answer: spread, problem } = useAnswer(
    (signal) => call('showSpread', { params: { layer: digest }, signal }),
    at,
  )
  const above = (
    <Breadcrumb>
      <BreadcrumbItem render={() => <Link href="/images">Images and layers</Link>} />
      <BreadcrumbItem isActive>{shortDigest(digest)}</BreadcrumbItem>
    </Breadcrumb>
  )
  return (
    <>
      <PageHead title={`Layer ${shortDigest(digest)}`} above={above} />
      <PageSection className="shoal-stack">
        {problem === undefined ? null : <Problem error={problem} />}
        {layer === undefined ? null : (
          <Panel title="What it is">
            <LayerFacts layer={layer} />
          </Panel>
        )}
        {spread === undefined ? null : (
          <>
            <div className="shoal-columns">
              <Panel title="Which part is where: a row a node, a column a stretch">
                <HeatMap spread={spread} />
              </Panel>
              <Panel title="How it spreads, by rack">
                <SwarmGraph spread={spread} />
              </Panel>
            </div>
            <Panel title="Copies of each stretch on nodes: the rarest first">
              <RarestStretches spread={spread} />
            </Panel>
            <Panel title="Flows: from rack to rack, and inside">
              <FlowTable flows={spread.flows} />
            </Panel>
            <Panel title="Racks">
              <RackTable racks={spread.racks} />
            </Panel>
          </>
        )}
        <ArrivalsPanel layer={digest} />
      </PageSection>
    </>
  )
}
