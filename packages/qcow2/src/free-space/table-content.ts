import type { ByteRange } from './byte-range.ts'

/** What a partition table, or a part of one, says. */
export interface TableContent {
  /** Longer than nothing, not yet checked against the disk and each other. */
  readonly partitions: readonly ByteRange[]
  /** Where the table itself is. */
  readonly reserved: readonly ByteRange[]
}
