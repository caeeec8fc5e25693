/** A run of guest bytes in one image: `below` where it has none and the next image of the chain decides. */
export interface ImageExtent {
  readonly start: number
  readonly length: number
  readonly kind: 'data' | 'compressed' | 'zero' | 'below'
  /** Where it begins in the image's file; `undefined` for what is compressed or nowhere. */
  readonly host: number | undefined
}

/** One image of a chain, whatever its format. */
export interface DiskImage {
  /** Bytes of the disk that it shows. */
  readonly virtualSizeBytes: number
  /**
   * How the guest bytes of a range within the virtual size are stored, in order and without gaps; neighbours may be alike. Throws
   * `SHOAL_QCOW2_*` for an image that is not as it must be.
   */
  extents(start: number, length: number, options?: { signal?: AbortSignal | undefined }): AsyncGenerator<ImageExtent>
  /** Reads guest bytes of one extent, `data` or `compressed`, or of a part of it, into `into`, all of it. */
  readExtent(extent: ImageExtent, into: Buffer, options?: { signal?: AbortSignal | undefined }): Promise<void>
}
