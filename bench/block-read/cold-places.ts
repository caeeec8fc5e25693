import { type FileHandle, open } from 'node:fs/promises'
import { until } from '../../test/harness/until.ts'

/** What is known of a raw disk that is one layer. */
export interface ColdDisk {
  readonly layer: string
  readonly sizeBytes: number
  readonly blockLengthBytes: number
}

/** Its golden ratio leaves no two near each other, so that nothing looks like a stream. */
const STRIDE_SHARE = (Math.sqrt(5) - 1) / 2
const PROBE_BYTES = 64

/**
 * Places of a disk of which nothing is on the node, each in a block of its own. The disk's bytes are random: where its layer's file has zeros
 * a block is absent.
 */
export class AbsentPlaces implements AsyncDisposable {
  readonly #file: FileHandle
  readonly #disk: ColdDisk
  readonly #readBytes: number
  readonly #probe = Buffer.alloc(PROBE_BYTES)
  readonly #blocks: number
  #taken = 0

  private constructor(file: FileHandle, disk: ColdDisk, readBytes: number) {
    this.#file = file
    this.#disk = disk
    this.#readBytes = readBytes
    this.#blocks = Math.floor(disk.sizeBytes / disk.blockLengthBytes)
  }

  static async open(disk: ColdDisk, layerFile: string, readBytes: number): Promise<AbsentPlaces> {
    const file = await until('the layer has a file', () => open(layerFile))
    return new AbsentPlaces(file, disk, readBytes)
  }

  /** An offset that was not given before; `undefined` when no block is left. */
  async next(): Promise<number | undefined> {
    const { blockLengthBytes } = this.#disk
    const stride = coprime(Math.floor(this.#blocks * STRIDE_SHARE), this.#blocks)
    while (this.#taken < this.#blocks) {
      const block = (this.#taken * stride) % this.#blocks
      const start = block * blockLengthBytes
      // Not always at the beginning of a block.
      const offset = start + (this.#taken % (blockLengthBytes / this.#readBytes)) * this.#readBytes
      this.#taken += 1
      await this.#file.read(this.#probe, 0, PROBE_BYTES, start)
      if (this.#probe.every((byte) => byte === 0)) return offset
    }
    return undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

/** The first number from there on that has no factor in common with `count`: its multiples visit all. */
function coprime(from: number, count: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
  for (let number = Math.max(1, from); ; number += 1) if (divisor(number, count) === 1) return number
}
