import type { RackFlow } from '@shoal/api'
import { placeName } from '../format/names.ts'
import { formatBytes, formatRate } from '../format/quantity.ts'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'

const nameOfSource = ({ from, isOrigin }: RackFlow) => (isOrigin ? 'the seed' : placeName(from))

const COLUMNS: readonly Column<RackFlow>[] = [
  { key: 'from', title: 'From', width: 'minmax(7rem, 1fr)', render: nameOfSource, sortBy: nameOfSource },
  { key: 'to', title: 'To', width: 'minmax(7rem, 1fr)', render: placeName, sortBy: placeName },
  {
    key: 'rate',
    title: 'Now',
    width: '7rem',
    isNumber: true,
    render: ({ bytesPerSecond }) => (bytesPerSecond < 1 ? '–' : formatRate(bytesPerSecond)),
    sortBy: ({ bytesPerSecond }) => bytesPerSecond,
  },
  {
    key: 'bytes',
    title: 'So far',
    width: '7rem',
    isNumber: true,
    render: ({ bytes }) => formatBytes(bytes),
    sortBy: ({ bytes }) => bytes,
  },
]

/** What moves from rack to rack, in numbers. */
export function FlowTable({ flows }: { flows: readonly RackFlow[] }) {
  return (
    <VirtualTable
      label="Flows between racks"
      rows={flows}
      columns={COLUMNS}
      idOf={({ from, isOrigin, zone, rack }) => JSON.stringify([from.zone, from.rack, isOrigin, zone, rack])}
      empty="Nothing has moved since the daemons started."
      maxRows={8}
      minWidth="30rem"
    />
  )
}
