import type { GuestDisk } from '../../src/free-space/guest-disk.ts'

const MAX_READ_BYTES = 64 * 1024

/** A disk in memory, with zeros after the given bytes, that holds its reader to what it may ask for. */
export class MemoryDisk implements GuestDisk {
  readonly virtualSizeBytes: number
  readonly bytes: Buffer
  reads = 0

  constructor(bytes: Buffer, virtualSizeBytes = bytes.length) {
    this.bytes = bytes
    this.virtualSizeBytes = virtualSizeBytes
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const isWithin = Number.isSafeInteger(offset) && offset >= 0 && offset + length <= this.virtualSizeBytes
    if (!isWithin || length < 1 || length > MAX_READ_BYTES) throw new RangeError(`${length} bytes at ${offset}`)
    this.reads += 1
    const data = Buffer.alloc(length)
    this.bytes.copy(data, 0, Math.min(offset, this.bytes.length), Math.min(offset + length, this.bytes.length))
    return data
  }
}
