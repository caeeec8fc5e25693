import type { DiskImage, ImageExtent } from './disk-image.ts'
import { qcow2Error } from './errors.ts'
import type { RandomAccess } from './random-access.ts'

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

  async readExtent({ start }: ImageExtent, into: Buffer, options?: { signal?: AbortSignal | undefined }): Promise<void> {
    const data = await this.#source.read(start, into.length, options)
    if (data.length < into.length) {
      const { sizeBytes } = this.#source
      throw qcow2Error('SHOAL_QCOW2_TRUNCATED', { sizeBytes, neededBytes: start + into.length })
    }
    data.copy(into)
  }
}
