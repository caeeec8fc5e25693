import type { NodeRow } from '@shoal/api'
import { formatBytes, formatRate } from '../format/bytes.ts'
import { plainText } from '../format/plain-text.ts'
import { type Column, formatFacts, formatTable } from '../format/table.ts'
import { describeHealth, describeOverview } from '../overview/describe-overview.ts'
import { formatShare } from '../prefetch/node-table.ts'
import { formatUpdateLine } from '../prefetch/update-lines.ts'
import type { FleetPicture } from './fleet-picture.ts'
import type { ScreenSize } from './full-screen.ts'
import { type NodeOrder, sortNodes } from './node-order.ts'

export interface FleetView extends ScreenSize {
  readonly order: NodeOrder
  readonly now: number
  /** The connection was lost, and this is the last that was heard. */
  readonly isCut: boolean
}

/** With fewer columns the table has only what matters most. */
const WIDE_COLUMNS = 76
const MAX_REASONS = 4
const MAX_PLANS = 3
/** Of a low terminal so many lines are left to nodes; facts at the end give way. */
const LEAST_NODE_LINES = 4
const MAX_NAME = 32

const narrow: readonly Column<NodeRow>[] = [
  { title: 'NODE', value: ({ id }) => cut(id, MAX_NAME) },
  { title: 'STATE', value: describeState },
  {
    title: 'HAS',
    align: 'right',
    value: ({ presentBytes, wantedBytes }) => (wantedBytes === 0 ? '' : formatShare(presentBytes, wantedBytes)),
  },
  { title: 'DOWN', align: 'right', value: ({ downBytesPerSecond }) => formatRate(downBytesPerSecond) },
]
const wide: readonly Column<NodeRow>[] = [
  ...narrow,
  { title: 'UP', align: 'right', value: ({ upBytesPerSecond }) => formatRate(upBytesPerSecond) },
  { title: 'USED', align: 'right', value: ({ usedBytes }) => formatBytes(usedBytes) },
  { title: 'RACK', value: ({ zone, rack }) => [zone, rack].filter((part) => part !== '').join('/') },
  { title: 'WHY', value: ({ trouble, modeReason }) => trouble?.message ?? modeReason },
]

/** The fleet at this moment for a screen: health, numbers, plans, and as many nodes as there is room for. */
export function fleetLines(picture: FleetPicture, view: FleetView): string[] {
  const { columns, rows, order, now, isCut } = view
  const { overview, plans } = picture
  if (overview === undefined) return ['waiting for the seed']
  const [sentence, ...reasons] = describeHealth(overview)
  const health = [...(sentence === undefined ? [] : [sentence]), ...reasons.slice(0, MAX_REASONS)]
  const facts = formatFacts([...health, ...describeOverview(overview)]).split('\n')
  const planLines = plans.slice(0, MAX_PLANS).map((plan) => {
    const label = { id: plan.id ?? '', name: plan.name, deadline: plan.deadline }
    return formatUpdateLine(plan, { label, now, columns, rows: 1 })
  })
  const room = Math.max(health.length, rows - planLines.length - LEAST_NODE_LINES - 3)
  const head = [headLine(overview.at, isCut), ...facts.slice(0, room), ...planLines, '']
  const nodeRoom = Math.max(1, rows - head.length - 1)
  const shown = sortNodes(picture.nodes, order).slice(0, nodeRoom)
  const table =
    shown.length === 0 ? 'No node is registered.' : formatTable(shown, columns < WIDE_COLUMNS ? narrow : wide)
  return [...head, ...table.split('\n')].slice(0, rows).map((line) => cut(line, columns))

  function headLine(at: string, cutOff: boolean): string {
    const told = `shoal top, ${at.slice(11, 19)} UTC, nodes by ${order} (s: sort, q: quit)`
    return plainText(cutOff ? `CONNECTION LOST, connecting again; ${told}` : told)
  }
}

function describeState({ trouble, mode, state, fetching }: NodeRow): string {
  if (trouble !== null) return trouble.code
  if (mode !== 'active') return state === 'ready' ? mode : `${mode}, away`
  return fetching > 0 ? 'fetching' : 'well'
}

function cut(line: string, columns: number): string {
  const characters = [...line]
  return characters.length <= columns ? line : `${characters.slice(0, Math.max(0, columns - 3)).join('')}...`
}
