import type { LayerInventory, Node } from '@shoal/api'
import { Link } from 'wouter'
import { call } from '../api/call.ts'
import { formatBytes, shareOf } from '../format/quantity.ts'
import { LayerName } from '../images/layer-name.tsx'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { Meter } from '../parts/meter.tsx'
import { StateLabel } from '../parts/state-label.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'

const TONE = { complete: 'success', fetching: 'info', waiting: 'plain', failed: 'danger', evicted: 'warning' } as const

/** What a node holds of each layer, and where it came from. */
export function NodeLayers({ node }: { node: Node }) {
  const columns: Column<LayerInventory>[] = [
    {
      key: 'layer',
      title: 'Layer',
      width: 'minmax(9rem, 2fr)',
      render: ({ digest }) => (
        <Link href={`/layers/${encodeURIComponent(digest)}`}>
          <LayerName digest={digest} />
        </Link>
      ),
    },
    {
      key: 'state',
      title: 'State',
      width: 'minmax(7rem, 1.5fr)',
      render: ({ state, error, isPinned }) => (
        <span title={error?.message}>
          <StateLabel tone={TONE[state]} state={state} /> {isPinned ? 'pinned ' : ''}
          {error?.message}
        </span>
      ),
      sortBy: ({ state }) => state,
    },
    {
      key: 'there',
      title: 'There',
      width: 'minmax(6rem, 1fr)',
      render: ({ digest, presentBytes, sizeBytes }) => (
        <Meter share={shareOf(presentBytes, sizeBytes)} label={`Of ${digest}`} />
      ),
      sortBy: ({ presentBytes, sizeBytes }) => shareOf(presentBytes, sizeBytes),
    },
    {
      key: 'size',
      title: 'Size',
      width: '5rem',
      isNumber: true,
      render: ({ sizeBytes }) => formatBytes(sizeBytes),
      sortBy: ({ sizeBytes }) => sizeBytes,
    },
    {
      key: 'origin',
      title: 'From seed',
      width: '5.5rem',
      isNumber: true,
      render: ({ fromOriginBytes }) => formatBytes(fromOriginBytes),
    },
    {
      key: 'peers',
      title: 'From nodes',
      width: '5.5rem',
      isNumber: true,
      render: ({ fromPeersBytes }) => formatBytes(fromPeersBytes),
    },
    {
      key: 'sent',
      title: 'Sent',
      width: '5.5rem',
      isNumber: true,
      render: ({ uploadedBytes }) => formatBytes(uploadedBytes),
    },
    {
      key: 'act',
      title: 'Action',
      width: '6.5rem',
      render: ({ digest }) => (
        <ConfirmButton
          action="Take back"
          variant="link"
          title={`Take the layer back from ${node.id}?`}
          onConfirm={() => call('unassign', { body: { layer: digest, nodes: [node.id] } })}
        >
          It is not wanted there any more: what is missing is not fetched, and it may be evicted. Plans that want it
          there end that wish.
        </ConfirmButton>
      ),
    },
  ]
  return (
    <VirtualTable
      label={`Layers of ${node.id}`}
      rows={node.inventory?.layers ?? []}
      columns={columns}
      idOf={({ digest }) => digest}
      empty="It holds no layer and wants none."
      maxRows={8}
      minWidth="54rem"
    />
  )
}
