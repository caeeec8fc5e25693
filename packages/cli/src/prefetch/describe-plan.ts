import type { Plan, PrefetchImage } from '@shoal/api'
import { formatBytes } from '../format/bytes.ts'
import { formatFacts, formatTable } from '../format/table.ts'
import { predictionFacts } from './describe-prediction.ts'
import { describeTarget } from './describe-target.ts'
import { formatUnmet } from './describe-unmet.ts'
import { formatPlanNodes } from './node-table.ts'
import { progressFacts, termsFacts } from './plan-facts.ts'
import { formatWaves } from './wave-table.ts'

/** Of what can be very long, so much is shown; --json has all of it. */
const SHOWN_AT_MOST = 10

const DOWNLOADS = [
  'kind',
  'downloads by nodes themselves, which nobody asked for as a plan; it ends by itself',
] as const

/** A plan for people, in paragraphs; how far it is, too, unless it is that of a dry run. */
export function describePlan(plan: Plan, now: number): string {
  const { progress } = plan
  const isKept = plan.id !== null
  const isOfDownloads = plan.kind === 'download'
  const slowest = progress.slowest.filter(({ state }) => state !== 'ready')
  const facts = formatFacts([
    ['plan', `${plan.id ?? 'dry run: nothing was kept'}${plan.name === '' ? '' : ` "${plan.name}"`}`],
    ...(isKept ? progressFacts(plan, now) : []),
    ...(isOfDownloads ? [DOWNLOADS] : termsFacts(plan)),
    ...(isKept ? [] : [['nodes', describeNodes(plan)] as const]),
    ...(isOfDownloads ? [] : predictionFacts(plan)),
  ])
  return [
    facts,
    formatImages(plan),
    formatUnmet(plan.unmet),
    isKept && slowest.length > 0 ? formatPlanNodes(slowest, now) : '',
    formatWaves(plan),
    formatPlacements(plan),
    formatEvictions(plan),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

function describeNodes({ progress: { nodes, wantedBytes, presentBytes } }: Plan): string {
  const missing = formatBytes(Math.max(0, wantedBytes - presentBytes))
  const wanted = formatBytes(wantedBytes)
  return `${nodes.total}, of which ${nodes.ready} have all of it already; ${missing} of ${wanted} are missing`
}

function formatImages({ images, priority, kind }: Plan): string {
  const table = formatTable<PrefetchImage>(images.slice(0, SHOWN_AT_MOST), [
    { title: 'IMAGE', value: ({ image }) => image },
    { title: 'PRIORITY', align: 'right', value: (one) => String(one.priority ?? priority) },
    { title: 'FORM', value: ({ form }) => form ?? 'boot' },
    { title: 'WHERE', value: (one) => (kind === 'download' ? 'nodes that download it' : describeTarget(one)) },
  ])
  return table + more(images.length)
}

function formatPlacements({ placements }: Plan): string {
  if (placements.length === 0) return ''
  const vms = placements.reduce((sum, placement) => sum + placement.vms, 0)
  const nodes = new Set(placements.map(({ node }) => node)).size
  const table = formatTable(placements.slice(0, SHOWN_AT_MOST), [
    { title: 'NODE', value: ({ node }) => node },
    { title: 'VMS', align: 'right', value: (placement) => String(placement.vms) },
    { title: 'IMAGE', value: ({ image }) => image },
  ])
  return `Places for ${vms} VMs on ${nodes} nodes:\n${table}${more(placements.length)}`
}

function formatEvictions({ evictions }: Plan): string {
  if (evictions.length === 0) return ''
  const bytes = evictions.reduce((sum, eviction) => sum + eviction.bytes, 0)
  const table = formatTable(evictions.toSorted((a, b) => b.bytes - a.bytes).slice(0, SHOWN_AT_MOST), [
    { title: 'NODE', value: ({ node }) => node },
    { title: 'HAS TO EVICT', align: 'right', value: (eviction) => formatBytes(eviction.bytes) },
  ])
  return `Nodes evict ${formatBytes(bytes)} for it:\n${table}${more(evictions.length)}`
}

function more(count: number): string {
  return count > SHOWN_AT_MOST ? `\n(${count - SHOWN_AT_MOST} more with --json)` : ''
}
