/** One base and what users made of it: the same disk, changed. All paths are qcow2 images without a backing file. */
export interface GuestSet {
  /** The image as it was uploaded. */
  readonly base: string
  readonly middles: readonly GuestMiddle[]
}

export interface GuestMiddle {
  readonly name: string
  /** A snapshot of the changed disk, with zeros in the free blocks of its file system. */
  readonly flat: string
  /** The same snapshot as it is without trimming: free blocks hold what was deleted. */
  readonly untrimmed: string
  /** What was added to the base's file system, as the packages or files themselves say. */
  readonly installedBytes: number
}

/** Real systems that start, by their own boot loader or with these. */
export interface BootableGuestSet extends GuestSet {
  readonly kernel: string
  readonly initrd: string
}

/** Where the one partition of every guest begins. */
export const PARTITION_OFFSET_BYTES = 1024 ** 2
