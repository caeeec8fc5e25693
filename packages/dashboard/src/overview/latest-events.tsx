import { EventTable } from '../events/event-table.tsx'
import { useFleet } from '../fleet/fleet-context.ts'
import { Panel } from '../parts/panel.tsx'

const SHOWN = 8

export function LatestEvents() {
  const events = useFleet((fleet) => fleet.events)
  return (
    <Panel title="Latest events" to="/events">
      <EventTable events={events.slice(0, SHOWN)} maxRows={SHOWN} />
    </Panel>
  )
}
