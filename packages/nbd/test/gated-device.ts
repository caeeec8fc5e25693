import type { BlockDevice, BlockExtent } from '../src/block-device.ts'
import { MemoryDevice } from '../src/memory-device.ts'

interface Held {
  readonly offset: number
  readonly length: number
  readonly signal: AbortSignal
  /** Lets the read go on. */
  readonly open: () => void
  readonly fail: (error: unknown) => void
}

/** A device whose reads stand still until the test lets them go on, or the client goes. */
export class GatedDevice implements BlockDevice {
  readonly isReadOnly = true
  /** Reads that stand still, in the order of their coming. */
  held: Held[] = []
  abortedCount = 0
  readonly #memory: MemoryDevice

  constructor(content: Buffer) {
    this.#memory = new MemoryDevice(content)
  }

  get sizeBytes() {
    return this.#memory.sizeBytes
  }

  get blockSizes() {
    return this.#memory.blockSizes
  }

  async read(offset: number, length: number, into: Buffer, { signal }: { signal: AbortSignal }): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const held = { offset, length, signal, open: resolve, fail: reject }
    const onAbort = () => {
      this.abortedCount += 1
      this.held = this.held.filter((other) => other !== held)
      reject(signal.reason)
    }
    this.held.push(held)
    signal.addEventListener('abort', onAbort)
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
    this.#memory.read(offset, length, into)
  }

  extents(_offset: number, length: number): BlockExtent[] {
    return [{ length, isHole: false, isZero: false }]
  }

  /** Lets one read go on: the first, or the first at an offset. */
  open(offset?: number): void {
    const index = offset === undefined ? 0 : this.held.findIndex((held) => held.offset === offset)
    const [held] = index < 0 ? [] : this.held.splice(index, 1)
    if (held === undefined) throw new Error('no read stands still')
    held.open()
  }
}
