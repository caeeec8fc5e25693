/** A run of a device's bytes that are alike. */
export interface BlockExtent {
  /** Bytes, at least 1. */
  readonly length: number
  /** Nothing is stored for it. */
  readonly isHole: boolean
  /** It reads as zeros. False where that is not known. */
  readonly isZero: boolean
}

/** What requests a device takes, bytes. */
export interface BlockSizes {
  /** Requests and extents are multiples of it; a power of two up to 64 KiB, and a divisor of the size. 1 takes all. */
  readonly minimum: number
  /** Aligned requests of this size are cheap; a power of two, at least 512 and the minimum. */
  readonly preferred: number
  /** The longest request: a multiple of the minimum, at least the preferred size, at most 32 MiB. */
  readonly maximum: number
}

/** A disk that is served. It is used by several connections at once; calls overlap. */
export interface BlockDevice {
  readonly sizeBytes: number
  readonly blockSizes: BlockSizes
  readonly isReadOnly: true
  /**
   * Fills all of `into`, which is `length` long and lies within the device. Gives nothing when that is done at once. Fails with a
   * `SHOAL_NBD_*` error, or any other for EIO; must settle soon when aborted, and does not touch `into` after that.
   */
  read(offset: number, length: number, into: Buffer, options: { signal: AbortSignal }): Promise<void> | undefined
  /**
   * How the bytes of a range within the device are stored, in order and without gaps. It may stop before the end of the range, after
   * `maxCount` extents or earlier; what it did not tell counts as stored.
   */
  extents(
    offset: number,
    length: number,
    options: { signal: AbortSignal; maxCount: number },
  ): Promise<readonly BlockExtent[]> | readonly BlockExtent[]
  /** Hears that a range will be read soon. It bounds by itself what it does about that. */
  willRead?(offset: number, length: number): void
}
