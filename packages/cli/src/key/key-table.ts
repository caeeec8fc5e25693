import type { KeyList, SigningKey } from '@shoal/api'
import { type Column, formatTable } from '../format/table.ts'

const columns: readonly Column<SigningKey>[] = [
  { title: 'KEY', value: ({ id }) => id },
  { title: 'NUMBER', value: ({ serial }) => String(serial), align: 'right' },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'SINCE', value: ({ since }) => since ?? 'the beginning' },
  { title: 'TRUSTED UNTIL', value: ({ trustedUntil }) => trustedUntil ?? '-' },
  { title: 'PUBLIC KEY', value: ({ publicKey }) => publicKey },
]

/** Signing keys as a table, the newest first. */
export function keyTable({ keys }: KeyList): string {
  return formatTable(keys, columns)
}
