import type { PlanWave } from '@shoal/api'
import { useNow } from '../fleet/use-now.ts'
import { formatBytes, formatCount } from '../format/quantity.ts'
import { formatAway } from '../format/time.ts'
import { type Column, VirtualTable } from '../parts/virtual-table.tsx'

/** In which order the bytes of a plan go. */
export function WaveTable({ waves }: { waves: readonly PlanWave[] }) {
  const now = useNow()
  const away = (at: string | null) => (at === null ? 'never' : formatAway(at, now))
  const columns: Column<PlanWave>[] = [
    { key: 'wave', title: 'Wave', width: '4rem', isNumber: true, render: ({ wave }) => wave },
    {
      key: 'kind',
      title: 'What',
      width: 'minmax(10rem, 1fr)',
      render: ({ kind }) => (kind === 'boot' ? 'what a boot reads' : 'the rest'),
    },
    { key: 'layers', title: 'Layers', width: '5rem', isNumber: true, render: ({ layers }) => layers.length },
    { key: 'nodes', title: 'Nodes', width: '6rem', isNumber: true, render: ({ nodes }) => formatCount(nodes) },
    { key: 'bytes', title: 'Bytes', width: '7rem', isNumber: true, render: ({ bytes }) => formatBytes(bytes) },
    { key: 'opens', title: 'Begins', width: '9rem', render: ({ opensAt }) => away(opensAt) },
    { key: 'ends', title: 'Ends', width: '9rem', render: ({ endsAt }) => away(endsAt) },
  ]
  return (
    <VirtualTable
      label="Waves"
      rows={waves}
      columns={columns}
      idOf={({ wave }) => String(wave)}
      empty="Nothing has to move."
      maxRows={6}
    />
  )
}
