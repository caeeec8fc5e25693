import type { NodeRow } from '@shoal/api'
import { Link } from 'wouter'
import { placeName } from '../format/names.ts'
import { formatRate, shareOf } from '../format/quantity.ts'
import { Meter } from '../parts/meter.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'
import { NodeState } from './node-state.tsx'

const COLUMNS: readonly Column<NodeRow>[] = [
  {
    key: 'id',
    title: 'Node',
    width: 'minmax(7rem, 1.2fr)',
    render: ({ id }) => <Link href={`/nodes/${encodeURIComponent(id)}`}>{id}</Link>,
    sortBy: ({ id }) => id,
  },
  { key: 'place', title: 'Zone / rack', width: 'minmax(6rem, 1fr)', render: placeName, sortBy: placeName },
  {
    key: 'state',
    title: 'State',
    width: 'minmax(11rem, 2.5fr)',
    render: (node) => <NodeState node={node} />,
    sortBy: ({ state, trouble }) => `${state === 'ready' ? 1 : 0}${trouble === null ? 1 : 0}${trouble?.code ?? ''}`,
  },
  {
    key: 'layers',
    title: 'Layers there',
    width: 'minmax(7rem, 1fr)',
    render: ({ id, layers, presentBytes, wantedBytes }) =>
      layers === 0 ? (
        'wants nothing'
      ) : (
        <Meter share={shareOf(presentBytes, wantedBytes)} label={`Of the layers of ${id}`} />
      ),
    sortBy: ({ presentBytes, wantedBytes }) => shareOf(presentBytes, wantedBytes),
  },
  {
    key: 'cache',
    title: 'Cache',
    width: 'minmax(6rem, 1fr)',
    render: ({ id, usedBytes, capacityBytes }) => (
      <Meter
        share={usedBytes / Math.max(1, capacityBytes)}
        label={`Of the room of ${id}`}
        tone={usedBytes >= capacityBytes * 0.9 ? 'bad' : 'normal'}
      />
    ),
    sortBy: ({ usedBytes, capacityBytes }) => usedBytes / Math.max(1, capacityBytes),
  },
  {
    key: 'down',
    title: 'Receives',
    width: '6rem',
    isNumber: true,
    render: ({ downBytesPerSecond }) => formatRate(downBytesPerSecond),
    sortBy: ({ downBytesPerSecond }) => downBytesPerSecond,
  },
  {
    key: 'up',
    title: 'Sends',
    width: '6rem',
    isNumber: true,
    render: ({ upBytesPerSecond }) => formatRate(upBytesPerSecond),
    sortBy: ({ upBytesPerSecond }) => upBytesPerSecond,
  },
  {
    key: 'boots',
    title: 'VMs',
    width: '3rem',
    isNumber: true,
    render: ({ boots }) => boots,
    sortBy: ({ boots }) => boots,
  },
]

export function NodeTable({ nodes }: { nodes: readonly NodeRow[] }) {
  return (
    <VirtualTable
      label="Nodes"
      rows={nodes}
      columns={COLUMNS}
      idOf={({ id }) => id}
      empty="No node fits."
      sortedBy="id"
      maxRows={14}
      minWidth="56rem"
    />
  )
}
