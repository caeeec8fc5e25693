import type { Digest } from '@shoal/core'
import type { FileSystemSpace } from './space-limit.ts'

/** A layer that is on the node, whole or in part. */
export interface StockLayer {
  readonly digest: Digest
  /** What is below it. */
  readonly base: Digest | null
  /** Bytes that it occupies now. */
  readonly allocatedBytes: number
  readonly isComplete: boolean
}

/** What the cache manages, and where it lies. */
export interface Stock {
  layers(): Promise<readonly StockLayer[]>
  /** What else of ours is on that file system: staged files, composed disks. By name, with the bytes that it occupies. */
  others(): Promise<readonly { readonly name: string; readonly allocatedBytes: number }[]>
  space(): Promise<FileSystemSpace>
  /** Removes a layer; false when somebody reads it, and it stays. */
  evict(digest: Digest): Promise<boolean>
}
