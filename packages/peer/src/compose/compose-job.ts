import type { ErrorBody } from '@shoal/api'
import type { LayerFormat } from '@shoal/core'
import type { Compression } from '@shoal/qcow2'

/** A layer's file as it is opened: by its path, and as the format that its manifest names, never a guessed one. */
export interface JobLayer {
  readonly path: string
  readonly format: LayerFormat
  readonly sizeBytes: number
}

/** What the child is told: the whole of its task. */
export interface ComposeJob {
  /** The topmost first. */
  readonly layers: readonly JobLayer[]
  /** Of the topmost layer, by its manifest. */
  readonly virtualSizeBytes: number
  readonly format: 'raw' | 'qcow2'
  readonly compression: Compression | 'none'
  /** The file to make; nothing is there yet. */
  readonly path: string
}

/** The file that was made, synced but for its directory. */
export interface ComposedFile {
  /** What tells this file from any other that ever has its name: see `fileIdentity`. */
  readonly identity: string
  /** Data written into it. */
  readonly writtenBytes: number
}

/** What the child is told when there is room for what it needs. */
export const GO = 'go'

/** What the child says. */
export type ComposeMessage =
  | { readonly type: 'needs'; readonly bytes: number }
  | { readonly type: 'progress'; readonly doneBytes: number }
  | { readonly type: 'done'; readonly file: ComposedFile }
  | { readonly type: 'failed'; readonly error: ErrorBody }
