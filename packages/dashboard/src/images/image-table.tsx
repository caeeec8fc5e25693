import type { Image } from '@shoal/api'
import { Link } from 'wouter'
import { shortDigest } from '../format/names.ts'
import { formatBytes, formatRate, shareOf } from '../format/quantity.ts'
import { Meter } from '../parts/meter.tsx'
import { StateLabel } from '../parts/state-label.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'
import { ImageAction } from './image-action.tsx'

const COLUMNS: readonly Column<Image>[] = [
  {
    key: 'name',
    title: 'Image',
    width: 'minmax(10rem, 2fr)',
    render: ({ id, name }) => <span title={id}>{name ?? id}</span>,
    sortBy: ({ id, name }) => name ?? id,
  },
  {
    key: 'status',
    title: 'In the library',
    width: '7rem',
    render: ({ status, visibility }) => `${status}, ${visibility}`,
    sortBy: ({ status }) => status,
  },
  {
    key: 'size',
    title: 'Size',
    width: '6rem',
    isNumber: true,
    render: ({ sizeBytes }) => (sizeBytes === null ? '–' : formatBytes(sizeBytes)),
    sortBy: ({ sizeBytes }) => sizeBytes ?? 0,
  },
  {
    key: 'import',
    title: 'Import',
    width: 'minmax(11rem, 1.5fr)',
    render: (image) => <ImportState image={image} />,
    sortBy: (image) => image.import?.state ?? '',
  },
  { key: 'chain', title: 'Base ← middle', width: 'minmax(10rem, 1.2fr)', render: (image) => <Chain image={image} /> },
  { key: 'act', title: 'Action', width: '7rem', render: (image) => <ImageAction image={image} /> },
]

export function ImageTable({ images }: { images: readonly Image[] }) {
  return (
    <VirtualTable
      label="Images"
      rows={images}
      columns={COLUMNS}
      idOf={({ id }) => id}
      empty="No image fits."
      sortedBy="name"
      maxRows={10}
      minWidth="54rem"
    />
  )
}

function ImportState({ image: { id, import: past } }: { image: Image }) {
  if (past === null) return 'not imported'
  if (past.state === 'reading') {
    return (
      <Meter
        share={shareOf(past.bytesRead, past.bytesTotal)}
        label={`Read of ${id} at ${formatRate(past.rateBytesPerSecond)}`}
      />
    )
  }
  const tone = past.state === 'published' ? 'success' : past.state === 'failed' ? 'danger' : 'info'
  return (
    <span title={past.error?.message}>
      <StateLabel tone={tone} state={past.state} /> {past.error?.message}
    </span>
  )
}

function Chain({ image: { chain } }: { image: Image }) {
  return chain.map((digest, index) => (
    <span key={digest}>
      {index === 0 ? '' : ' ← '}
      <Link href={`/layers/${encodeURIComponent(digest)}`}>{shortDigest(digest).slice(0, 8)}</Link>
    </span>
  ))
}
