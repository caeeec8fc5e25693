import type { BlockDevice } from './block-device.ts'

/** What a list of exports tells about one. Name and description are at most 4,096 bytes of UTF-8 without NUL. */
export interface ExportEntry {
  readonly name: string
  /** For people; may be empty. */
  readonly description: string
}

/** An export that a connection uses. */
export interface Export extends ExportEntry {
  readonly device: BlockDevice
  /** Called once, when the connection that found it needs it no more and none of its reads is under way. */
  release(): void
}

/** The disks that a server offers. Calls reject soon when aborted. */
export interface Exports {
  /** The export of a name as a client gave it, the empty one for a default; `undefined` when there is none. */
  find(name: string, options: { signal: AbortSignal }): Promise<Export | undefined>
  list(options: { signal: AbortSignal }): Promise<readonly ExportEntry[]>
}
