import { Breadcrumb, BreadcrumbItem, PageSection } from '@patternfly/react-core'
import type { BootRow } from '@shoal/api'
import { Link } from 'wouter'
import { ArrivalsPanel } from '../events/arrivals-panel.tsx'
import { EventTable } from '../events/event-table.tsx'
import { useFleet } from '../fleet/fleet-context.ts'
import { formatBytes, formatCount } from '../format/quantity.ts'
import { formatSeconds } from '../format/time.ts'
import { ImageName } from '../images/image-name.tsx'
import { Facts } from '../parts/facts.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { bootTimes } from './boot-steps.ts'
import { BootTimeline } from './boot-timeline.tsx'
import { DemandMeter } from './demand-meter.tsx'

/** One disk that a node serves: how its machine booted, for what it waited, and where that came from. */
export function BootPage({ node, name }: { node: string; name: string }) {
  const boot = useFleet((fleet) => fleet.boots.get(`${node}/${name}`))
  const events = useFleet((fleet) => fleet.events)
  const above = (
    <Breadcrumb>
      <BreadcrumbItem render={() => <Link href="/boots">Boots</Link>} />
      <BreadcrumbItem isActive>{name}</BreadcrumbItem>
    </Breadcrumb>
  )
  const own = events.filter((event) => event.node === node && event.details.boot === name)
  return (
    <>
      <PageHead title={name} above={above} />
      <PageSection className="shoal-stack">
        {boot === undefined ? <p role="status">The node serves no such disk any more.</p> : <BootPanels boot={boot} />}
        <Panel title="What its machine waited for, and what failed" to="/events?filter=boot.stalled">
          <EventTable events={own} maxRows={8} />
        </Panel>
        <ArrivalsPanel node={node} />
      </PageSection>
    </>
  )
}

function BootPanels({ boot }: { boot: BootRow }) {
  const { node, image, state, problem, reads, presentBytes, totalBytes, spans } = boot
  const { booted } = bootTimes(boot)
  const how = spans?.bootedBy === 'told' ? 'as somebody told' : 'by its reads: then it was quiet for 30 s'
  return (
    <>
      <Panel title="Steps, from when it was asked for">
        <BootTimeline boot={boot} />
        <p>{booted === null ? 'It is not known to have booted.' : `Booted after ${formatSeconds(booted)}, ${how}.`}</p>
      </Panel>
      <Panel title="What it is">
        <Facts
          facts={[
            [
              'Node',
              <Link key="node" href={`/nodes/${encodeURIComponent(node)}`}>
                {node}
              </Link>,
            ],
            [
              'Image',
              image === null ? (
                'a layer'
              ) : (
                <Link key="image" href={`/images?filter=${image}`}>
                  <ImageName id={image} />
                </Link>
              ),
            ],
            ['State', problem === null ? state : `${state}: ${problem}`],
            ['Its machine read', `${formatBytes(reads.readBytes)} in ${formatCount(reads.reads)} reads`],
            ['Reads that waited', formatCount(reads.waitingReads)],
            ['Longer than a second', formatCount(reads.stalls)],
            ['The longest wait', formatSeconds(reads.longestWaitMs / 1000)],
            ['Of its layers here', `${formatBytes(presentBytes)} of ${formatBytes(totalBytes)}`],
          ]}
        />
        <DemandMeter onDemandBytes={reads.onDemandBytes} presentBytes={presentBytes} />
      </Panel>
    </>
  )
}
