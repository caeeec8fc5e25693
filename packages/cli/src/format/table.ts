import { plainText } from './plain-text.ts'

export interface Column<T> {
  readonly title: string
  /** Numbers read best aligned to the right. */
  readonly align?: 'left' | 'right'
  value(row: T): string
}

/** Rows aligned for people: a line of titles, then a line a row; columns are two spaces apart. */
export function formatTable<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) => columns.map((column) => plainText(column.value(row)) || '-')),
  ]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => width(line[index] ?? ''))))
  return cells
    .map((line) =>
      line
        .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.align ?? 'left'))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Facts about one thing, a line each: names in one column, values in the next. */
export function formatFacts(facts: readonly (readonly [name: string, value: string])[]): string {
  const widest = Math.max(0, ...facts.map(([name]) => width(name)))
  return facts.map(([name, value]) => `${pad(name, widest, 'left')}  ${plainText(value) || '-'}`.trimEnd()).join('\n')
}

function pad(text: string, size: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, size - width(text)))
  return align === 'right' ? space + text : text + space
}

/** Characters as people count them; wide characters are counted once, which only shifts that line. */
function width(text: string): number {
  return [...text].length
}
