import type { Plan, PlanWave } from '@shoal/api'
import { formatBytes } from '../format/bytes.ts'
import { formatDuration } from '../format/duration.ts'
import { formatTable } from '../format/table.ts'
import { formatShare } from './node-table.ts'

const SHOWN_AT_MOST = 10

/** The waves of a plan, a line each, with times from its start and how far it is; empty when nothing has to move. */
export function formatWaves({ waves, startedAt, notBefore, createdAt, progress }: Plan): string {
  if (waves.length === 0) return ''
  const startMs = Math.max(
    Date.parse(startedAt ?? createdAt),
    startedAt === null ? Date.parse(notBefore ?? createdAt) : 0,
  )
  const after = (at: string | null) =>
    at === null ? '' : `+ ${formatDuration(Math.max(0, Date.parse(at) - startMs)).replace(/^0 ms$/, '0 s')}`
  const there = (wave: number) => {
    const told = progress.waves.find((one) => one.wave === wave)
    return told === undefined ? '' : formatShare(told.presentBytes, told.wantedBytes)
  }
  const table = formatTable(waves.slice(0, SHOWN_AT_MOST), [
    { title: 'WAVE', align: 'right', value: ({ wave }) => String(wave) },
    { title: 'KIND', value: ({ kind }) => kind },
    { title: 'LAYERS', align: 'right', value: ({ layers }) => String(layers.length) },
    { title: 'NODES', align: 'right', value: ({ nodes }) => String(nodes) },
    { title: 'BYTES', align: 'right', value: ({ bytes }) => formatBytes(bytes) },
    { title: 'OPENS', align: 'right', value: ({ opensAt }) => after(opensAt) },
    { title: 'ENDS', align: 'right', value: ({ endsAt }) => after(endsAt) },
    ...(startedAt === null
      ? []
      : [{ title: 'THERE', align: 'right', value: ({ wave }: PlanWave) => there(wave) } as const]),
  ])
  return waves.length > SHOWN_AT_MOST ? `${table}\n(${waves.length - SHOWN_AT_MOST} more with --json)` : table
}
