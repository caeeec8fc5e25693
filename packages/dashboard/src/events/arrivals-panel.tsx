import type { Arrivals, ReasonSum } from '@shoal/api'
import { Link } from 'wouter'
import { call } from '../api/call.ts'
import { useFleet } from '../fleet/fleet-context.ts'
import { useAnswer } from '../fleet/use-answer.ts'
import { useNow } from '../fleet/use-now.ts'
import { placeName } from '../format/names.ts'
import { formatBytes, formatCount, shareOf } from '../format/quantity.ts'
import { formatSeconds, formatTime } from '../format/time.ts'
import { LayerName } from '../images/layer-name.tsx'
import { Meter } from '../parts/meter.tsx'
import { Panel } from '../parts/panel.tsx'
import { Problem } from '../parts/problem.tsx'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'
import { ARRIVAL_WORDS } from './arrival-reasons.ts'

const GAP_MS = 3000

/** Why blocks came from where they came from: in sums, and with some pieces that came lately. */
export function ArrivalsPanel({ node, layer }: { node?: string; layer?: string }) {
  const at = useFleet((fleet) => fleet.overview?.at)
  const ask = (signal: AbortSignal) => call('listArrivals', { query: { node, layer }, signal })
  const { answer, problem } = useAnswer(ask, at, GAP_MS)
  return (
    <Panel title="Why blocks came from where they came from">
      {problem === undefined ? null : <Problem error={problem} />}
      {answer === undefined ? null : (
        <div className="shoal-stack">
          <ReasonTable reasons={answer.reasons} />
          {answer.samples.length === 0 ? null : <SampleTable samples={answer.samples} />}
        </div>
      )}
    </Panel>
  )
}

function ReasonTable({ reasons }: Pick<Arrivals, 'reasons'>) {
  const total = reasons.reduce((sum, { bytes }) => sum + bytes, 0)
  const columns: Column<ReasonSum>[] = [
    { key: 'reason', title: 'Reason', width: '7rem', render: ({ reason }) => <code>{reason}</code> },
    {
      key: 'share',
      title: 'Of all bytes',
      width: '8rem',
      render: ({ reason, bytes }) => <Meter share={shareOf(bytes, total)} label={`Came because: ${reason}`} />,
    },
    { key: 'bytes', title: 'Bytes', width: '7rem', isNumber: true, render: ({ bytes }) => formatBytes(bytes) },
    { key: 'pieces', title: 'Pieces', width: '6rem', isNumber: true, render: ({ pieces }) => formatCount(pieces) },
    {
      key: 'words',
      title: 'What it means',
      width: 'minmax(14rem, 1fr)',
      render: ({ reason }) => <span title={ARRIVAL_WORDS[reason]}>{ARRIVAL_WORDS[reason]}</span>,
    },
  ]
  return (
    <VirtualTable
      label="Reasons why blocks came"
      rows={reasons}
      columns={columns}
      idOf={({ reason }) => reason}
      empty="Nothing has come since the daemons started."
      maxRows={6}
      minWidth="50rem"
    />
  )
}

type Sample = Arrivals['samples'][number]

function SampleTable({ samples }: Pick<Arrivals, 'samples'>) {
  const now = useNow()
  const columns: Column<Sample>[] = [
    { key: 'at', title: 'Time', width: '6rem', render: ({ at }) => <time dateTime={at}>{formatTime(at, now)}</time> },
    {
      key: 'node',
      title: 'To node',
      width: 'minmax(7rem, 1fr)',
      render: ({ node }) => <Link href={`/nodes/${encodeURIComponent(node)}`}>{node}</Link>,
      sortBy: ({ node }) => node,
    },
    { key: 'from', title: 'From', width: 'minmax(9rem, 1.2fr)', render: (sample) => <From sample={sample} /> },
    {
      key: 'layer',
      title: 'Layer, piece',
      width: 'minmax(12rem, 1.5fr)',
      render: ({ layer, piece }) => (
        <>
          <Link href={`/layers/${encodeURIComponent(layer)}`}>
            <LayerName digest={layer} />
          </Link>{' '}
          {formatCount(piece)}
        </>
      ),
    },
    {
      key: 'took',
      title: 'Took',
      width: '5rem',
      isNumber: true,
      render: ({ tookMs }) => (tookMs === 0 ? '–' : formatSeconds(tookMs / 1000)),
      sortBy: ({ tookMs }) => tookMs,
    },
    {
      key: 'reason',
      title: 'Reason',
      width: 'minmax(7rem, 1fr)',
      render: ({ reason }) => <code title={ARRIVAL_WORDS[reason]}>{reason}</code>,
      sortBy: ({ reason }) => reason,
    },
  ]
  return (
    <VirtualTable
      label="Pieces that came lately"
      rows={samples}
      columns={columns}
      idOf={({ at, node, layer, piece }) => `${at} ${node} ${layer} ${piece}`}
      empty="None."
      maxRows={8}
      minWidth="54rem"
    />
  )
}

function From({ sample }: { sample: Sample }) {
  const { source, isOrigin } = sample
  const isKnown = useFleet((fleet) => fleet.nodes.get(source)) !== undefined
  if (isOrigin) return 'the seed'
  const place = ` (${placeName(sample)})`
  return (
    <span title={`${source}${place}`}>
      {isKnown ? <Link href={`/nodes/${encodeURIComponent(source)}`}>{source}</Link> : source}
      {place}
    </span>
  )
}
