import type { BootRow } from '@shoal/api'

/** Which disks to show. */
export const BOOT_FILTERS = [
  ['', 'All disks'],
  ['preparing', 'Preparing'],
  ['booting', 'Read, and not known to have booted'],
  ['booted', 'Booted'],
  ['stalled', 'With long waits'],
  ['failed', 'Failed'],
] as const

export function isInBootFilter({ state, reads, spans }: BootRow, filter: string): boolean {
  if (filter === '') return true
  const hasBooted = spans !== undefined && spans.bootedAt !== null
  if (filter === 'stalled') return reads.stalls > 0
  if (filter === 'booted') return hasBooted
  if (filter === 'booting') return state === 'ready' && reads.firstReadAt !== null && !hasBooted
  return state === filter
}
