import { Label } from '@patternfly/react-core'
import { Link } from 'wouter'
import { formatBytes, formatCount, shareOf } from '../format/quantity.ts'
import { Meter } from '../parts/meter.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'
import { LayerName } from './layer-name.tsx'
import type { LayerRow } from './layer-tree.ts'

const COLUMNS: readonly Column<LayerRow>[] = [
  {
    key: 'layer',
    title: 'Layer',
    width: 'minmax(12rem, 2fr)',
    render: ({ layer: { digest }, depth }) => (
      <>
        {depth === 1 ? '└ ' : ''}
        <Link href={`/layers/${encodeURIComponent(digest)}`}>
          <LayerName digest={digest} />
        </Link>
      </>
    ),
  },
  {
    key: 'kind',
    title: 'Kind',
    width: '7.5rem',
    render: ({ layer: { kind, state } }) => (
      <>
        <Label isCompact color={kind === 'base' ? 'blue' : 'purple'}>
          {kind}
        </Label>{' '}
        {state === 'withdrawn' ? state : ''}
      </>
    ),
  },
  { key: 'size', title: 'Size', width: '6rem', isNumber: true, render: ({ layer }) => formatBytes(layer.sizeBytes) },
  {
    key: 'nodes',
    title: 'Nodes with all of it',
    width: 'minmax(9rem, 1fr)',
    render: ({ layer: { digest, nodesComplete, nodesAssigned } }) =>
      nodesAssigned === 0 ? (
        `${nodesComplete}, nobody wants it`
      ) : (
        <Meter share={shareOf(nodesComplete, nodesAssigned)} label={`Of the nodes that want ${digest}`} />
      ),
  },
  {
    key: 'counts',
    title: 'All / part / wanted',
    width: '9rem',
    isNumber: true,
    render: ({ layer }) =>
      `${formatCount(layer.nodesComplete)} / ${formatCount(layer.nodesPartial)} / ${formatCount(layer.nodesAssigned)}`,
  },
  {
    key: 'copies',
    title: 'Seed copies',
    width: '6rem',
    isNumber: true,
    render: ({ layer }) => layer.seedCopies.toFixed(2),
  },
]

export function LayerTable({ rows }: { rows: readonly LayerRow[] }) {
  return (
    <VirtualTable
      label="Layers"
      rows={rows}
      columns={COLUMNS}
      idOf={({ layer }) => layer.digest}
      empty="No layer is published yet."
      maxRows={10}
      minWidth="55rem"
    />
  )
}
