import type { BootRow } from '@shoal/api'
import { Link } from 'wouter'
import { formatBytes, formatCount, shareOf } from '../format/quantity.ts'
import { formatSeconds } from '../format/time.ts'
import { ImageName } from '../images/image-name.tsx'
import { Meter } from '../parts/meter.tsx'
import { StateLabel } from '../parts/state-label.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'
import { bootPath } from './boot-path.ts'
import { bootTimes } from './boot-steps.ts'

const TONE = { ready: 'success', preparing: 'info', failed: 'danger' } as const

const COLUMNS: readonly Column<BootRow>[] = [
  {
    key: 'name',
    title: 'Disk',
    width: 'minmax(5rem, 1.5fr)',
    render: (boot) => <Link href={bootPath(boot)}>{boot.name}</Link>,
    sortBy: ({ name }) => name,
  },
  {
    key: 'node',
    title: 'Node',
    width: 'minmax(6rem, 1fr)',
    render: ({ node }) => <Link href={`/nodes/${encodeURIComponent(node)}`}>{node}</Link>,
    sortBy: ({ node }) => node,
  },
  {
    key: 'image',
    title: 'Image',
    width: 'minmax(5rem, 1.2fr)',
    render: ({ image }) =>
      image === null ? (
        'a layer'
      ) : (
        <Link href={`/images?filter=${image}`}>
          <ImageName id={image} />
        </Link>
      ),
    sortBy: ({ image }) => image ?? '',
  },
  {
    key: 'state',
    title: 'State',
    width: 'minmax(5.5rem, 1fr)',
    render: ({ state, problem }) => (
      <span title={problem ?? undefined}>
        <StateLabel tone={TONE[state]} state={state} /> {problem}
      </span>
    ),
    sortBy: ({ state }) => state,
  },
  {
    key: 'first',
    title: 'First read',
    width: '4.5rem',
    isNumber: true,
    render: (boot) => timeOf(boot, 'firstRead'),
    sortBy: (boot) => bootTimes(boot).firstRead ?? Number.POSITIVE_INFINITY,
  },
  {
    key: 'booted',
    title: 'Booted',
    width: '4rem',
    isNumber: true,
    render: (boot) => timeOf(boot, 'booted'),
    sortBy: (boot) => bootTimes(boot).booted ?? Number.POSITIVE_INFINITY,
  },
  {
    key: 'stalls',
    title: 'Long waits',
    width: '5.5rem',
    isNumber: true,
    render: (boot) => <Link href={bootPath(boot)}>{formatCount(boot.reads.stalls)}</Link>,
    sortBy: ({ reads }) => reads.stalls,
  },
  {
    key: 'longest',
    title: 'Longest',
    width: '4.5rem',
    isNumber: true,
    render: (boot) => <Link href={bootPath(boot)}>{formatSeconds(boot.reads.longestWaitMs / 1000)}</Link>,
    sortBy: ({ reads }) => reads.longestWaitMs,
  },
  {
    key: 'demand',
    title: 'On demand',
    width: '5.5rem',
    isNumber: true,
    render: (boot) => <Link href={bootPath(boot)}>{formatBytes(boot.reads.onDemandBytes)}</Link>,
    sortBy: ({ reads }) => reads.onDemandBytes,
  },
  {
    key: 'there',
    title: 'There',
    width: 'minmax(5.5rem, 1fr)',
    render: ({ name, presentBytes, totalBytes }) => (
      <Meter share={shareOf(presentBytes, totalBytes)} label={`Of the layers of ${name}`} />
    ),
    sortBy: ({ presentBytes, totalBytes }) => shareOf(presentBytes, totalBytes),
  },
]

function timeOf(boot: BootRow, step: keyof ReturnType<typeof bootTimes>) {
  const seconds = bootTimes(boot)[step]
  return <Link href={bootPath(boot)}>{seconds === null ? 'not yet' : formatSeconds(seconds)}</Link>
}

export function BootTable({ boots, maxRows }: { boots: readonly BootRow[]; maxRows: number }) {
  return (
    <VirtualTable
      label="Disks served to VMs"
      rows={boots}
      columns={COLUMNS}
      idOf={({ id }) => id}
      empty="No disk is served to a VM."
      maxRows={maxRows}
      minWidth="53rem"
    />
  )
}
