import type { SpreadRack } from '@shoal/api'
import { placeName } from '../format/names.ts'
import { formatBytes, formatCount, shareOf } from '../format/quantity.ts'
import { Meter } from '../parts/meter.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'

const COLUMNS: readonly Column<SpreadRack>[] = [
  { key: 'rack', title: 'Zone / rack', width: 'minmax(8rem, 1fr)', render: placeName, sortBy: placeName },
  {
    key: 'complete',
    title: 'Nodes that have all of it',
    width: 'minmax(9rem, 1fr)',
    render: (rack) => <Meter share={shareOf(rack.complete, rack.nodes)} label={`Of the nodes of ${placeName(rack)}`} />,
    sortBy: ({ complete, nodes }) => shareOf(complete, nodes),
  },
  {
    key: 'nodes',
    title: 'Nodes',
    width: '7rem',
    isNumber: true,
    render: ({ complete, nodes }) => `${formatCount(complete)} / ${formatCount(nodes)}`,
  },
  {
    key: 'origin',
    title: 'From seed',
    width: '7rem',
    isNumber: true,
    render: ({ fromOriginBytes }) => formatBytes(fromOriginBytes),
    sortBy: ({ fromOriginBytes }) => fromOriginBytes,
  },
  {
    key: 'peers',
    title: 'From nodes',
    width: '7rem',
    isNumber: true,
    render: ({ fromPeersBytes }) => formatBytes(fromPeersBytes),
    sortBy: ({ fromPeersBytes }) => fromPeersBytes,
  },
  {
    key: 'sent',
    title: 'Sent to nodes',
    width: '7rem',
    isNumber: true,
    render: ({ uploadedBytes }) => formatBytes(uploadedBytes),
    sortBy: ({ uploadedBytes }) => uploadedBytes,
  },
]

/** The same as the graph, in numbers. */
export function RackTable({ racks }: { racks: readonly SpreadRack[] }) {
  return (
    <VirtualTable
      label="Racks"
      rows={racks}
      columns={COLUMNS}
      idOf={placeName}
      empty="No node holds or wants it."
      maxRows={8}
    />
  )
}
