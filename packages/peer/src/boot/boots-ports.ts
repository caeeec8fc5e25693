import type { BootReads } from '@shoal/api'
import type { Digest } from '@shoal/core'

/** A disk that is to be served. */
export interface ServedBoot {
  /** Of its export. */
  readonly name: string
  readonly image: string | null
  /** Of the disk, the base first; all of them are in the store, in part at least. */
  readonly layers: readonly Digest[]
  /** Of the disk that the guest sees: whole sectors. */
  readonly virtualSizeBytes: number
}

/** A disk that is being served. */
export interface OpenBoot {
  /** Path of the unix socket. */
  readonly socket: string
  /** What was read since it was opened. */
  reads(): BootReads
  /** Ends the export and what its clients wait for; idempotent. */
  close(): Promise<void>
}

/** Serves disks by NBD. */
export interface BlockServer {
  /** Serves a disk, at the same path after a restart. May wait for blocks that it has to read first. */
  open(boot: ServedBoot, options: { signal: AbortSignal }): Promise<OpenBoot>
}

/** What goes with the boots of images: what they read is foretold, and recorded. */
export interface BootCompanions {
  /** Has fetched first what boots of an image read of these layers, until the function that is given is called. */
  prefetch(image: string, layers: readonly Digest[]): () => void
  /** Records what a disk's reads are, which is about to be served for the first time. */
  record(boot: ServedBoot & { readonly image: string }): void
  isRecording(name: string): boolean
  /** A disk is served no more. */
  ended(name: string): void
}

/** What nobody has read yet. */
export const NO_READS: BootReads = Object.freeze({
  ...{ reads: 0, readBytes: 0, waitingReads: 0, onDemandBytes: 0, stalls: 0, longestWaitMs: 0 },
  firstReadAt: null,
})
