import { NODE_TROUBLES, type NodeRow } from '@shoal/api'

export const NODE_ORDERS = ['trouble', 'rate', 'missing', 'name'] as const
export type NodeOrder = (typeof NODE_ORDERS)[number]

type Compare = (a: NodeRow, b: NodeRow) => number

const byName: Compare = (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

const orders: Readonly<Record<NodeOrder, Compare>> = {
  // Whoever will be last comes first.
  trouble: (a, b) => troubleRank(a) - troubleRank(b) || descending(timeLeft(a), timeLeft(b)),
  rate: (a, b) => descending(a.downBytesPerSecond, b.downBytesPerSecond),
  missing: (a, b) => descending(missingBytes(a), missingBytes(b)),
  name: byName,
}

/** The rows in an order; equal ones by name. */
export function sortNodes(rows: Iterable<NodeRow>, order: NodeOrder): NodeRow[] {
  const compare = orders[order]
  return [...rows].sort((a, b) => compare(a, b) || byName(a, b))
}

/** The order that comes after this one. */
export function nextOrder(order: NodeOrder): NodeOrder {
  return NODE_ORDERS[(NODE_ORDERS.indexOf(order) + 1) % NODE_ORDERS.length] ?? order
}

export function missingBytes({ wantedBytes, presentBytes }: NodeRow): number {
  return Math.max(0, wantedBytes - presentBytes)
}

function troubleRank({ trouble }: NodeRow): number {
  return trouble === null ? NODE_TROUBLES.length : NODE_TROUBLES.indexOf(trouble.code)
}

/** Seconds until it has everything, at its present rate. */
function timeLeft(row: NodeRow): number {
  const missing = row.fetching === 0 ? 0 : missingBytes(row)
  return missing === 0 ? 0 : missing / row.downBytesPerSecond
}

/** Infinities too, whose difference is no number. */
function descending(a: number, b: number): number {
  return a === b ? 0 : b - a
}
