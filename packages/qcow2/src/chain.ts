import type { DiskImage } from './disk-image.ts'
import { type Extent, joinExtents } from './extent.ts'

type Options = { signal?: AbortSignal | undefined }

/** The disk that a chain of images shows: what the topmost does not have is read from the next, and zeros where none has it. */
export class Chain {
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
    const end = Math.min(start + length, this.virtualSizeBytes)
    return joinExtents(this.#extents(0, start, end, options))
  }

  /** Reads guest bytes; what is beyond the virtual size is not given. Throws `SHOAL_QCOW2_*` for a bad image. */
  async read(offset: number, length: number, options?: Options): Promise<Buffer> {
    const end = Math.min(offset + length, this.virtualSizeBytes)
    const bytes = Buffer.allocUnsafe(Math.max(0, end - offset))
    for await (const extent of this.#extents(0, offset, end, options)) {
      const part = bytes.subarray(extent.start - offset, extent.start - offset + extent.length)
      if (extent.kind === 'zero' || extent.kind === 'hole') part.fill(0)
      else await this.images[extent.depth]?.readExtent({ ...extent, kind: extent.kind }, part, options)
    }
    return bytes
  }

  async *#extents(depth: number, start: number, end: number, options?: Options): AsyncGenerator<Extent> {
    const image = this.images[depth]
    const top = Math.min(end, image?.virtualSizeBytes ?? 0)
    if (image !== undefined && start < top) {
      for await (const { kind, ...extent } of image.extents(start, top - start, options)) {
        if (kind !== 'below') yield { ...extent, kind, depth }
        else yield* this.#extents(depth + 1, extent.start, extent.start + extent.length, options)
      }
    }
    const rest = Math.max(start, top)
    if (rest < end) yield { start: rest, length: end - rest, kind: 'hole', depth: Math.min(depth, this.images.length - 1), host: undefined }
  }
}
