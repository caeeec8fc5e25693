import type { Digest } from '@shoal/core'
import type { FileSystemSpace } from './space-limit.ts'

/** A layer that is on the node, whole or in part. */
export interface StockLayer {
  readonly digest: Digest
  /** What is below it. */
  readonly base: Digest | null
  /** Bytes that it occupies now. */
  readonly allocatedBytes: number
  /** Bytes that a boot reads of it, wherever they are in its file; 0 when that is not known. */
  readonly bootBytes: number
  readonly isComplete: boolean
}

/** Something else that takes room: a staged file, a composed disk. */
export interface StockFile {
  readonly name: string
  /** Bytes that it occupies now. */
  readonly allocatedBytes: number
}

/** What the cache manages, and where it lies. */
export interface Stock {
  layers(): Promise<readonly StockLayer[]>
  /** What else of ours is on that file system. */
  others(): Promise<readonly StockFile[]>
  space(): Promise<FileSystemSpace>
  /**
   * Frees a layer but for the bytes that a boot reads, which are so many, or removes it when they are 0. Resolves with
   * the bytes that stay: none where only all of it could go; `undefined` when somebody reads it, and it stays.
   */
  evict(digest: Digest, keptBytes: number): Promise<number | undefined>
}
