import type { DiskImage, ExtentRead, GuestDisk, ImageExtent } from './disk-image.ts'
import { type Extent, joinExtents } from './extent.ts'

type Options = { signal?: AbortSignal | undefined }

/** An extent with the image that holds it, 0 for the topmost; `hole` where no image has the bytes. */
export interface FoundExtent {
  readonly depth: number
  readonly extent:
    | Exclude<ImageExtent, { kind: 'below' }>
    | { readonly start: number; readonly length: number; readonly kind: 'hole'; readonly host: undefined }
}

/** The disk that a chain of images shows: what the topmost does not have is read from the next, and zeros where none has it. */
export class Chain implements GuestDisk {
  /** The topmost first. */
  readonly images: readonly DiskImage[]

  constructor(images: readonly [DiskImage, ...DiskImage[]]) {
    this.images = images
  }

  get virtualSizeBytes(): number {
    return this.images[0]?.virtualSizeBytes ?? 0
  }

  /** How the guest bytes of a range are stored, in order, without gaps and with neighbours joined. Clipped to the virtual size. */
  map(start = 0, length = this.virtualSizeBytes - start, options?: Options): AsyncGenerator<Extent> {
    return joinExtents(this.#mapped(start, this.#end(start, length), options))
  }

  /** As {@link map}, with what the images themselves say, and neighbours not joined: for readers of their own. */
  found(start: number, length: number, options?: Options): AsyncGenerator<FoundExtent> {
    return this.#found(0, start, this.#end(start, length), options)
  }

  async *stored(start = 0, length = this.virtualSizeBytes - start, options?: Options) {
    for await (const { kind, ...extent } of this.map(start, length, options)) {
      if (kind === 'data' || kind === 'compressed') yield { start: extent.start, length: extent.length }
    }
  }

  /**
   * Reads guest bytes, into the beginning of `into` if that is given; what is beyond the virtual size is not given. Throws `SHOAL_QCOW2_*`
   * for a bad image.
   */
  async read(
    offset: number,
    length: number,
    { signal, into }: Options & { into?: Buffer | undefined } = {},
  ): Promise<Buffer> {
    const wanted = Math.max(0, this.#end(offset, length) - offset)
    const bytes = into?.subarray(0, wanted) ?? Buffer.allocUnsafe(wanted)
    const options = { signal }
    const reads: ExtentRead[][] = this.images.map(() => [])
    for await (const { depth, extent } of this.#found(0, offset, offset + bytes.length, options)) {
      const into = bytes.subarray(extent.start - offset, extent.start - offset + extent.length)
      if (extent.kind === 'data' || extent.kind === 'compressed') reads[depth]?.push({ extent, into })
      else into.fill(0)
    }
    await Promise.all(this.images.map((image, depth) => image.read(reads[depth] ?? [], options)))
    return bytes
  }

  #end(start: number, length: number): number {
    return Math.min(start + length, this.virtualSizeBytes)
  }

  async *#mapped(start: number, end: number, options?: Options): AsyncGenerator<Extent> {
    for await (const { depth, extent } of this.#found(0, start, end, options)) {
      const host = extent.kind === 'compressed' ? undefined : extent.host
      yield { start: extent.start, length: extent.length, kind: extent.kind, depth, host }
    }
  }

  async *#found(depth: number, start: number, end: number, options?: Options): AsyncGenerator<FoundExtent> {
    const image = this.images[depth]
    const top = Math.min(end, image?.virtualSizeBytes ?? 0)
    if (image !== undefined && start < top) {
      for await (const extent of image.extents(start, top - start, options)) {
        if (extent.kind !== 'below') yield { extent, depth }
        else yield* this.#found(depth + 1, extent.start, extent.start + extent.length, options)
      }
    }
    const rest = Math.max(start, top)
    if (rest >= end) return
    // Behind the end of an image it is the one above it that decides: it is larger.
    yield { extent: { start: rest, length: end - rest, kind: 'hole', host: undefined }, depth: Math.max(0, depth - 1) }
  }
}
