import type { Image, ImageSignature } from '@shoal/api'
import { Link } from 'wouter'
import { shortDigest } from '../format/names.ts'
import { formatBytes, formatRate, shareOf } from '../format/quantity.ts'
import { Meter } from '../parts/meter.tsx'
import { StateLabel, type Tone } from '../parts/state-label.tsx'
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
  {
    key: 'signature',
    title: 'Signature',
    width: '7rem',
    render: ({ signature }) => <SignatureState signature={signature} />,
    sortBy: ({ signature }) => signature.state,
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
      minWidth="61rem"
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

const SIGNATURE_TONES: Readonly<Record<ImageSignature['state'], Tone>> = {
  verified: 'success',
  refused: 'danger',
  unverified: 'warning',
  unsigned: 'plain',
}

/** What the image's signature is worth; whose it is when one looks closer. */
function SignatureState({ signature }: { signature: ImageSignature }) {
  const { state, certificate, subject, keyType, hashMethod, error } = signature
  const facts = [error?.message, subject, keyType, hashMethod, certificate && `certificate ${certificate}`]
  const title = facts.filter((fact) => fact !== null && fact !== undefined).join('; ')
  return (
    <span {...(title === '' ? {} : { title })}>
      <StateLabel tone={SIGNATURE_TONES[state]} state={state} />
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
