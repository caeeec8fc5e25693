import { ReadCache } from '../read-cache.ts'
import { expect } from './disk-fault.ts'
import type { GuestDisk } from './guest-disk.ts'

/** What is read at a time: bitmaps and descriptors lie side by side, and so most come without a read of their own. */
const WINDOW_BYTES = 64 * 1024
/** Memory is bounded by this many windows, however large the disk is. */
const WINDOWS = 8

/** Reads of a disk, or of a part of it, that lie within it whatever offset a hostile disk asks for. */
export class GuestReader {
  readonly sizeBytes: number
  readonly #start: number
  readonly #windows: ReadCache
  readonly #readWindow: (offset: number) => Promise<Buffer>

  constructor(windows: ReadCache, readWindow: (offset: number) => Promise<Buffer>, start: number, sizeBytes: number) {
    this.#windows = windows
    this.#readWindow = readWindow
    this.#start = start
    this.sizeBytes = sizeBytes
  }

  /**
   * All of the bytes asked for, not to be changed. Throws a `DiskFault` when they are not there, and what the disk
   * throws.
   */
  async read(offset: number, length: number): Promise<Buffer> {
    // Written so that NaN and numbers too large for their unit to be exact are outside too.
    expect(offset >= 0 && offset + length <= this.sizeBytes, `it refers to byte ${offset}, which it does not have`)
    const end = this.#start + offset + length
    const parts: Buffer[] = []
    for (let at = this.#start + offset; at < end; ) {
      const inWindow = at % WINDOW_BYTES
      const window = await this.#windows.get(at - inWindow, () => this.#readWindow(at - inWindow))
      const part = window.subarray(inWindow, Math.min(WINDOW_BYTES, inWindow + end - at))
      expect(part.length > 0, `the disk ends at byte ${at}, before its size`)
      parts.push(part)
      at += part.length
    }
    const [first] = parts
    return first !== undefined && parts.length === 1 ? first : Buffer.concat(parts)
  }

  /** The same for a part, with offsets from its start. The part must lie within. */
  part(start: number, sizeBytes: number): GuestReader {
    return new GuestReader(this.#windows, this.#readWindow, this.#start + start, sizeBytes)
  }
}

/** Reads of a whole disk. */
export function readGuest(disk: GuestDisk, { signal }: { signal?: AbortSignal | undefined }): GuestReader {
  const { virtualSizeBytes } = disk
  const readWindow = async (offset: number) => {
    signal?.throwIfAborted()
    return disk.read(offset, Math.min(WINDOW_BYTES, virtualSizeBytes - offset), { signal })
  }
  return new GuestReader(new ReadCache(WINDOWS), readWindow, 0, virtualSizeBytes)
}
