import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useMemo, useRef, useState } from 'react'

export interface Column<T> {
  readonly key: string
  readonly title: string
  /** As in grid-template-columns. */
  readonly width: string
  readonly render: (row: T) => ReactNode
  /** What the rows are ordered by when the column's title is pressed. */
  readonly sortBy?: (row: T) => string | number
  readonly isNumber?: boolean
}

export interface VirtualTableProps<T> {
  readonly label: string
  readonly rows: readonly T[]
  readonly columns: readonly Column<T>[]
  readonly idOf: (row: T) => string
  readonly empty: string
  readonly sortedBy?: string
  /** So many rows are seen at a time at most. */
  readonly maxRows?: number
  /** Where there is less room, the table scrolls sideways. */
  readonly minWidth?: string
}

const ROW_PX = 40

/** A table of any length: only the rows that are seen exist. */
export function VirtualTable<T>({
  label,
  rows,
  columns,
  idOf,
  empty,
  sortedBy,
  maxRows = 15,
  minWidth = '48rem',
}: VirtualTableProps<T>) {
  const scroller = useRef<HTMLTableSectionElement>(null)
  const [order, setOrder] = useState({ key: sortedBy, isDown: false })
  const sorted = useMemo(() => sortRows(rows, columns, order), [rows, columns, order])
  const virtual = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 6,
  })
  const template = { gridTemplateColumns: columns.map(({ width }) => width).join(' ') }
  const press = (key: string) => setOrder((now) => ({ key, isDown: now.key === key && !now.isDown }))
  const height = Math.min(Math.max(sorted.length, 1), maxRows) * ROW_PX + 2
  return (
    <div className="shoal-table">
      <table aria-label={label} aria-rowcount={sorted.length + 1} style={{ minWidth }}>
        <thead>
          <tr className="shoal-row" style={template}>
            {columns.map(({ key, title, sortBy, isNumber }) => (
              <th key={key} scope="col" className={isNumber ? 'shoal-number' : ''} aria-sort={sortOf(order, key)}>
                {sortBy === undefined ? (
                  title
                ) : (
                  <button type="button" onClick={() => press(key)}>
                    {title}
                    {mark(order, key)}
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
        <tbody ref={scroller} tabIndex={0} style={{ height }}>
          {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row without a tab index is not focusable. */}
          <tr aria-hidden="true" style={{ height: virtual.getTotalSize() }} />
          {sorted.length > 0 ? null : (
            <tr>
              <td className="shoal-empty">{empty}</td>
            </tr>
          )}
          {virtual.getVirtualItems().map(({ index, start }) => {
            const row = sorted[index]
            if (row === undefined) return null
            const place = { ...template, transform: `translateY(${start}px)` }
            return (
              <tr key={idOf(row)} className="shoal-row" aria-rowindex={index + 2} style={place}>
                {columns.map(({ key, render, isNumber }) => (
                  <td key={key} className={isNumber ? 'shoal-number' : ''}>
                    {render(row)}
                  </td>
                ))}
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

interface Order {
  readonly key: string | undefined
  readonly isDown: boolean
}

function sortRows<T>(rows: readonly T[], columns: readonly Column<T>[], { key, isDown }: Order): readonly T[] {
  const sortBy = columns.find((column) => column.key === key)?.sortBy
  if (sortBy === undefined) return rows
  const keyed = rows.map((row) => ({ row, by: sortBy(row) }))
  keyed.sort((a, b) => (a.by < b.by ? -1 : a.by > b.by ? 1 : 0))
  const sorted = keyed.map(({ row }) => row)
  return isDown ? sorted.reverse() : sorted
}

function sortOf(order: Order, key: string): 'ascending' | 'descending' | 'none' {
  if (order.key !== key) return 'none'
  return order.isDown ? 'descending' : 'ascending'
}

function mark(order: Order, key: string): string {
  if (order.key !== key) return ''
  return order.isDown ? ' ▾' : ' ▴'
}
