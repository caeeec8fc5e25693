import { Breadcrumb, BreadcrumbItem, PageSection } from '@patternfly/react-core'
import { Link, useLocation } from 'wouter'
import { call } from '../api/call.ts'
import { BootTable } from '../boots/boot-table.tsx'
import { ArrivalsPanel } from '../events/arrivals-panel.tsx'
import { EventTable } from '../events/event-table.tsx'
import { useFleet } from '../fleet/fleet-context.ts'
import { useAnswer } from '../fleet/use-answer.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { Problem } from '../parts/problem.tsx'
import { NodeFacts } from './node-facts.tsx'
import { NodeLayers } from './node-layers.tsx'
import { NodeModeActions } from './node-mode-actions.tsx'
import { NodeState } from './node-state.tsx'

/** One node: what it holds, what it serves, what happened there. */
export function NodePage({ id }: { id: string }) {
  const row = useFleet((fleet) => fleet.nodes.get(id))
  const boots = useFleet((fleet) => fleet.boots.list())
  const events = useFleet((fleet) => fleet.events)
  const [, go] = useLocation()
  const { answer: node, problem } = useAnswer((signal) => call('showNode', { params: { node: id }, signal }), row, 1000)
  const above = (
    <Breadcrumb>
      <BreadcrumbItem render={() => <Link href="/nodes">Nodes</Link>} />
      <BreadcrumbItem isActive>{id}</BreadcrumbItem>
    </Breadcrumb>
  )
  const forget = async () => {
    await call('removeNode', { params: { node: id } })
    go('/nodes')
  }
  return (
    <>
      <PageHead title={id} above={above}>
        {row === undefined ? null : <NodeModeActions id={id} mode={row.mode} />}
        <ConfirmButton isForAdmins action="Forget node" title={`Forget ${id}?`} variant="danger" onConfirm={forget}>
          The seed takes back all that was assigned to it and forgets what it holds. A daemon that still runs there
          registers again at its next heartbeat.
        </ConfirmButton>
      </PageHead>
      <PageSection className="shoal-stack">
        {problem === undefined ? null : <Problem error={problem} />}
        {row === undefined ? null : (
          <p role="status">
            <NodeState node={row} />
          </p>
        )}
        {node === undefined ? null : (
          <>
            <Panel title="What it is">
              <NodeFacts node={node} />
            </Panel>
            <Panel title="Layers" to="/images">
              <NodeLayers node={node} />
            </Panel>
          </>
        )}
        <ArrivalsPanel node={id} />
        <Panel title="VMs served" to="/boots">
          <BootTable boots={boots.filter((boot) => boot.node === id)} maxRows={8} />
        </Panel>
        <Panel title="Events" to="/events">
          <EventTable events={events.filter((event) => event.node === id)} maxRows={8} />
        </Panel>
      </PageSection>
    </>
  )
}
