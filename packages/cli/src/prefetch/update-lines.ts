import type { PlanNode, PlanUpdate } from '@shoal/api'
import { formatBytes, formatRate } from '../format/bytes.ts'
import { plainText } from '../format/plain-text.ts'
import { formatTable } from '../format/table.ts'
import { formatShare, paceColumns, stateColumns } from './node-table.ts'
import { countNodes, describeEstimate } from './plan-facts.ts'

/** What of a plan its updates do not say. */
export interface PlanLabel {
  readonly id: string
  readonly name: string
  readonly deadline: string | null
}

export interface UpdateView {
  readonly label: PlanLabel
  readonly now: number
  /** Lines are cut there. */
  readonly columns: number
  /** There are no more lines than these. */
  readonly rows: number
  /** The connection was lost, and this is the last that was heard. */
  readonly isCut?: boolean
}

const MIN_COLUMNS = 40
const MAX_BAR = 60
const NODE_NAME = { min: 8, max: 24 } as const
/** What the columns beside the name of a node take. */
const FACTS_COLUMNS = 56

/** A plan at this moment for a terminal: state, bar, nodes, rate, and the slowest nodes with what holds each up. */
export function formatUpdate(update: PlanUpdate, view: UpdateView): string[] {
  const { label, now } = view
  const columns = Math.max(MIN_COLUMNS, view.columns)
  const { progress, state } = update
  const rate = progress.bytesPerSecond === 0 ? '' : `${formatRate(progress.bytesPerSecond)}, `
  const head = [
    `plan ${describeLabel(label)}: ${state}${view.isCut ? ' (connection lost, connecting again)' : ''}`,
    formatBar(progress, columns),
    `nodes  ${countNodes(progress)}`,
    `time   ${rate}${describeEstimate({ progress, deadline: label.deadline }, now)}`,
  ]
  const lines = [...head.map(plainText), ...formatSlowest(progress.slowest, { now, columns })]
  return lines.slice(0, Math.max(head.length, view.rows)).map((line) => cut(line, columns))
}

/** A plan at this moment in one line, for where there is no terminal. */
export function formatUpdateLine({ progress, state }: PlanUpdate, { label, now }: UpdateView): string {
  const { presentBytes, wantedBytes, bytesPerSecond, slowest } = progress
  const last = slowest.find((node) => node.state !== 'ready')
  return plainText(
    [
      `${describeLabel(label)}: ${state}`,
      `${formatShare(presentBytes, wantedBytes)} of ${formatBytes(wantedBytes)}`,
      ...(bytesPerSecond === 0 ? [] : [formatRate(bytesPerSecond)]),
      describeEstimate({ progress, deadline: label.deadline }, now),
      countNodes(progress),
      ...(last === undefined ? [] : [`slowest ${last.node}${last.reason === null ? '' : ` (${last.reason.code})`}`]),
    ].join(', '),
  )
}

/** What people call a plan: its name, if it has one, and its id. */
export function describeLabel({ id, name }: Pick<PlanLabel, 'id' | 'name'>): string {
  return name === '' ? id : `${plainText(name)} (${id})`
}

function formatBar({ presentBytes, wantedBytes }: PlanUpdate['progress'], columns: number): string {
  const words = `${formatShare(presentBytes, wantedBytes).padStart(5)} of ${formatBytes(wantedBytes)}`
  const size = Math.min(MAX_BAR, columns - words.length - 3)
  const done = wantedBytes === 0 ? 0 : Math.floor(Math.min(1, presentBytes / wantedBytes) * size)
  return `[${'='.repeat(done)}${'-'.repeat(size - done)}] ${words}`
}

/** A line a node; what holds it up follows on a line of its own where it is not what held up the node before. */
function formatSlowest(slowest: readonly PlanNode[], { now, columns }: { now: number; columns: number }): string[] {
  const nodes = slowest.filter(({ state }) => state !== 'ready')
  if (nodes.length === 0) return []
  const size = Math.min(NODE_NAME.max, Math.max(NODE_NAME.min, columns - FACTS_COLUMNS))
  const shown = nodes.map((node) => ({ ...node, node: cut(node.node, size) }))
  const [title = '', ...rows] = formatTable(shown, [
    ...stateColumns,
    ...paceColumns(now),
    { title: 'WHY', value: ({ reason }) => reason?.code ?? '' },
  ]).split('\n')
  let before: string | undefined
  const lines = rows.flatMap((row, index) => {
    const message = nodes[index]?.reason?.message
    const told = message === undefined || message === before ? [] : [cut(`  ${plainText(message)}`, columns)]
    before = message
    return [row, ...told]
  })
  return ['', title.replace(/^NODE {3}/, 'SLOWEST'), ...lines]
}

function cut(line: string, columns: number): string {
  const characters = [...line]
  return characters.length <= columns ? line : `${characters.slice(0, columns - 3).join('')}...`
}
