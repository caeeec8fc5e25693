import type { DiskImage, ExtentRead, ImageExtent } from './disk-image.ts'
import { putInto } from './put-into.ts'
import type { RandomAccess } from './random-access.ts'
import { readExactly } from './read-exactly.ts'

/** A raw disk: its bytes are the guest's. */
export class RawImage implements DiskImage {
  readonly #source: RandomAccess

  constructor(source: RandomAccess) {
    this.#source = source
  }

  get virtualSizeBytes(): number {
    return this.#source.sizeBytes
  }

  async *extents(start: number, length: number): AsyncGenerator<ImageExtent> {
    if (length > 0) yield { start, length, kind: 'data', host: start }
  }

  async read(reads: readonly ExtentRead[], options?: { signal?: AbortSignal | undefined }): Promise<void> {
    await Promise.all(
      reads.map(async ({ extent, into }) => {
        const data = await readExactly(this.#source, extent.start, into.length, { ...options, into })
        putInto(data, into)
      }),
    )
  }
}
