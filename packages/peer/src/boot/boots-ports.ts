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
  /** Whether what it reads is to be recorded. */
  readonly isRecorded: boolean
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

/** What nobody has read yet. */
export const NO_READS: BootReads = Object.freeze({
  ...{ reads: 0, readBytes: 0, waitingReads: 0, onDemandBytes: 0, stalls: 0, longestWaitMs: 0 },
  firstReadAt: null,
})
