import type { ErrorDetails } from '@shoal/core'

/** Checks of a raw image, in their order. What is wrong with its virtual size is seen once its size is whole sectors. */
export const RAW_CHECKS = ['declared-format', 'size-alignment', 'virtual-size', 'tail-signature'] as const

/** Checks of a qcow2 image that its first bytes and its size are enough for, in their order. */
export const QCOW2_HEAD_CHECKS = [
  'declared-format',
  'file-length',
  'version',
  'cluster-size',
  'header-length',
  'data-file',
  'features',
  'compression',
  'refcount-order',
  'backing-file',
  'encryption',
  'snapshots',
  'bitmaps',
  'extensions',
  'virtual-size',
  'l1-table',
  'refcount-table',
  'second-format',
] as const

/** Checks of a qcow2 image that need its tables and its end, in their order. */
export const QCOW2_TABLE_CHECKS = [
  'l1-entries',
  'refcount-blocks',
  'l2-tables',
  'cluster-overlap',
  'expansion',
  'tail-signature',
] as const

export type CheckName =
  | (typeof RAW_CHECKS)[number]
  | (typeof QCOW2_HEAD_CHECKS)[number]
  | (typeof QCOW2_TABLE_CHECKS)[number]

/** What one check found; code, message and hint are those of a failed one. A check is skipped when what it needs failed or is not there yet. */
export interface CheckResult {
  readonly name: CheckName
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly code: string | null
  readonly message: string | null
  readonly hint: string | null
  /** The facts behind the message; none when nothing failed. */
  readonly details: ErrorDetails
}

/** What inspection found of an image. */
export interface Verdict {
  /** As declared: it is never guessed. */
  readonly format: 'raw' | 'qcow2'
  /** Bytes of the disk that a guest sees; `null` when the image does not say so credibly. */
  readonly virtualSizeBytes: number | null
  /** No check failed. */
  readonly isAccepted: boolean
  /** Every check of the format, in the order in which they are to be told. */
  readonly checks: readonly CheckResult[]
}

/** A verdict over checks that were made. */
export function verdictOf(
  format: Verdict['format'],
  { virtualSizeBytes, checks }: { virtualSizeBytes: number; checks: readonly CheckResult[] },
): Verdict {
  const isKnown = checks.some(({ name, outcome }) => name === 'virtual-size' && outcome === 'passed')
  const isAccepted = checks.every(({ outcome }) => outcome !== 'failed')
  return { format, virtualSizeBytes: isKnown ? virtualSizeBytes : null, isAccepted, checks }
}
