import type { Qcow2Format, WrittenLayer } from '@shoal/qcow2'
import type { Trace, TracedFile } from '../boot-profiles/block-trace.ts'
import type { Touches } from '../boot-profiles/first-touches.ts'
import type { DiskFiles } from './disk-files.ts'

/** What the process that works on layers is asked, one thing at a time. */
export type LayerTask =
  /** A sample of a disk's content, as `Sketch` encodes it. */
  | { readonly type: 'sketch'; readonly disk: DiskFiles }
  /** The guest digest of a disk. */
  | { readonly type: 'guest-digest'; readonly disk: DiskFiles }
  /** Writes what a disk has beyond its base, or all of it, into a new file. */
  | {
      readonly type: 'write'
      readonly disk: DiskFiles
      readonly base: DiskFiles | null
      /** Guest clusters that come first, in this order. */
      readonly hot: readonly number[]
      readonly path: string
      readonly format: Qcow2Format
      /** Whether free space of the guest's file systems may show what the base has there. */
      readonly dropFreeSpace: boolean
    }
  /** The guest offset at which two disks differ, null when they are the same; free space of `one` aside where that was dropped. */
  | {
      readonly type: 'compare'
      readonly one: DiskFiles
      readonly other: DiskFiles
      readonly dropFreeSpace: boolean
    }
  /** The blocks of a disk's files that a boot reads. */
  | {
      readonly type: 'boot-trace'
      readonly disk: DiskFiles
      /** The base's first. */
      readonly cuts: readonly TracedFile[]
      readonly touches: Touches
    }

export interface LayerResults {
  readonly sketch: string
  readonly 'guest-digest': string
  readonly write: WrittenLayer & { readonly freeBytes: number }
  readonly compare: number | null
  readonly 'boot-trace': Trace
}

export type LayerAnswer =
  | { readonly type: 'progress'; readonly doneBytes: number }
  | { readonly type: 'done'; readonly result: LayerResults[LayerTask['type']] }
  | {
      readonly type: 'failed'
      readonly code: string | undefined
      readonly message: string
      readonly hint: string | undefined
    }
