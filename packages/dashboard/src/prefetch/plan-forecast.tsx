import { Alert } from '@patternfly/react-core'
import type { Plan } from '@shoal/api'
import { formatBytes, formatCount } from '../format/quantity.ts'
import { formatSeconds } from '../format/time.ts'
import { Facts } from '../parts/facts.tsx'
import { WaveTable } from './wave-table.tsx'

/** What the planner expects: how long, what crosses which links, and what cannot be met. */
export function PlanForecast({
  plan: { prediction, progress, simulation, unmet, waves, placements, evictions },
}: {
  plan: Plan
}) {
  const { seconds, fluidBoundSeconds, limitedBy, bytes } = prediction
  const simulated = simulation?.seconds ?? null
  const evicted = evictions.reduce((sum, eviction) => sum + eviction.bytes, 0)
  return (
    <div className="shoal-stack" data-testid="forecast">
      {unmet.map(({ image, reason, message }) => (
        <Alert key={`${image} ${reason}`} variant="warning" isInline title={message} />
      ))}
      <Facts
        facts={[
          ['The last node is ready after', seconds === null ? 'never, as things are' : formatSeconds(seconds)],
          ['No schedule could beat', `${formatSeconds(fluidBoundSeconds)}, set by: ${limitedBy}`],
          ['In a simulated fleet', simulated === null ? 'not simulated' : formatSeconds(simulated)],
          ['Nodes', formatCount(progress.nodes.total)],
          ['All copies together', formatBytes(progress.wantedBytes)],
          ['There already', formatBytes(progress.presentBytes)],
          ['Library to seed', formatBytes(bytes.libraryToSeed)],
          ['Seed to nodes', formatBytes(bytes.seedToNode)],
          ['In racks', formatBytes(bytes.inRack)],
          ['Between racks', formatBytes(bytes.crossRack)],
          [
            'VMs placed',
            placements.length === 0
              ? 'nodes were asked for'
              : formatCount(placements.reduce((sum, { vms }) => sum + vms, 0)),
          ],
          [
            'Evicted for it',
            evicted === 0 ? 'nothing' : `${formatBytes(evicted)} on ${formatCount(evictions.length)} nodes`,
          ],
        ]}
      />
      <WaveTable waves={waves} />
    </div>
  )
}
