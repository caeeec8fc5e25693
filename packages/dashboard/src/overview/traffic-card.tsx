import { TimeChart } from '../charts/time-chart.tsx'
import { useFleet } from '../fleet/fleet-context.ts'
import { formatRate } from '../format/quantity.ts'
import { Panel } from '../parts/panel.tsx'

const SERIES = [
  { label: 'library → seed', colour: 'series-1' },
  { label: 'seed → nodes', colour: 'series-2' },
  { label: 'all nodes receive', colour: 'series-3' },
] as const

export function TrafficCard() {
  const columns = useFleet((fleet) => fleet.traffic.columns())
  return (
    <Panel title="Throughput, last ten minutes" to="/limits">
      <TimeChart
        columns={columns}
        series={SERIES}
        format={formatRate}
        label="What was read from the library, sent by the seed and received by nodes in the last ten minutes. The figures above are its newest values."
      />
    </Panel>
  )
}
