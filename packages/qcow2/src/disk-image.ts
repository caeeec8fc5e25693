interface Run {
  /** Guest offset and length, bytes. */
  readonly start: number
  readonly length: number
}

/** A run of guest bytes in one image; what is `below` is for the next image of the chain to say. */
export type ImageExtent =
  /** `host`: where it begins in the image's file. */
  | (Run & { readonly kind: 'data'; readonly host: number })
  /** One cluster, or a part of it: `packedBytes` at `host` hold the whole of it. */
  | (Run & { readonly kind: 'compressed'; readonly host: number; readonly packedBytes: number })
  /** `host`: where a preallocated cluster begins. */
  | (Run & { readonly kind: 'zero'; readonly host: number | undefined })
  | (Run & { readonly kind: 'below'; readonly host: undefined })

/** What is read of an image: guest bytes that its file holds, all of `into`. */
export interface ExtentRead {
  readonly extent: Extract<ImageExtent, { kind: 'data' | 'compressed' }>
  readonly into: Buffer
}

type Options = { signal?: AbortSignal | undefined }

/** One image of a chain, whatever its format. Throws `SHOAL_QCOW2_*` where an image is not as it must be. */
export interface DiskImage {
  /** Bytes of the disk that it shows. */
  readonly virtualSizeBytes: number
  /** How the guest bytes of a range within the virtual size are stored, in order and without gaps; neighbours may be alike. */
  extents(start: number, length: number, options?: Options): AsyncGenerator<ImageExtent>
  /** Reads extents that {@link extents} gave, or parts of them. */
  read(reads: readonly ExtentRead[], options?: Options): Promise<void>
}

/** A disk as a guest sees it: what images are compared, composed and written from. */
export interface GuestDisk {
  readonly virtualSizeBytes: number
  /** Guest bytes, in the beginning of `into` if that is given; what is beyond the virtual size is not given. */
  read(offset: number, length: number, options?: Options & { into?: Buffer | undefined }): Promise<Buffer>
  /** The ranges that are stored somewhere, in order; all else reads as zeros. Neighbours may touch. */
  stored(start: number, length: number, options?: Options): AsyncGenerator<{ start: number; length: number }>
}
