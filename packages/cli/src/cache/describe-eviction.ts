import type { EvictionResult } from '@shoal/api'
import { formatBytes } from '../format/bytes.ts'
import { type Column, formatTable } from '../format/table.ts'
import { shortDigest } from '../resolve/layer.ts'

/** What was to be evicted: one layer, or as much as makes so many bytes free. */
export type EvictionGoal = { readonly layer: string } | { readonly bytes: number }

type Evicted = EvictionResult['evictions'][number]
type Kept = EvictionResult['kept'][number]

/** What went or would go, and why the rest stays, for people. */
export function describeEviction(result: EvictionResult, goal: EvictionGoal): string {
  const { dryRun, evictions } = result
  // Of one layer that was named, all others are beside the point.
  const others = 'bytes' in goal ? result.kept : result.kept.filter(({ layer }) => layer === goal.layer)
  const held = others.filter(({ why }) => why !== '')
  const parts = [
    evictions.length === 0 ? '' : formatTable(evictions, evictedColumns(dryRun)),
    summarize(result, goal),
    held.length === 0 ? '' : formatTable(held, keptColumns),
    describeRest(others.length - held.length),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

/** Those that nobody holds stay because it is enough without them. */
function describeRest(layers: number): string {
  return layers === 0 ? '' : `${layers} more ${layers === 1 ? 'stays' : 'stay'}.`
}

function evictedColumns(dryRun: boolean): readonly Column<Evicted>[] {
  return [
    { title: dryRun ? 'WOULD GO' : 'GONE', value: ({ layer }) => shortDigest(layer) },
    { title: 'ON DISK', align: 'right', value: ({ sizeBytes }) => formatBytes(sizeBytes) },
    {
      title: 'BOOT PART STAYS',
      align: 'right',
      value: ({ keptBytes }) => (keptBytes === 0 ? '' : formatBytes(keptBytes)),
    },
    { title: 'LAST COPY', value: ({ isLastCopy }) => (isLastCopy ? 'yes' : '') },
  ]
}

const keptColumns: readonly Column<Kept>[] = [
  { title: 'STAYS', value: ({ layer }) => shortDigest(layer) },
  { title: 'ON DISK', align: 'right', value: ({ sizeBytes }) => formatBytes(sizeBytes) },
  { title: 'WHY', value: ({ why }) => why },
]

function summarize({ dryRun, evictions, freedBytes }: EvictionResult, goal: EvictionGoal): string {
  const layers = `${evictions.length} layer${evictions.length === 1 ? '' : 's'}`
  const freed = formatBytes(freedBytes)
  const done = dryRun
    ? `${layers} would be evicted and ${freed} be free again; nothing was done.`
    : `${layers} evicted, ${freed} free again.`
  const missing = 'bytes' in goal ? goal.bytes - freedBytes : 0
  return missing > 0 ? `${done}\n${formatBytes(missing)} less than asked for: what is left stays.` : done
}
