import type { Clock } from '@shoal/core'
import type { BlockDevice, BlockExtent } from '@shoal/nbd'
import { BLOCK_SIZES, type DeviceReadOptions } from './disk-device.ts'
import type { LayerReader } from './layer-reader.ts'
import { Patience } from './layer-reader-patience.ts'

/** The bytes of a layer's file, for those who put layers together by themselves. */
export class LayerDevice implements BlockDevice {
  readonly blockSizes = BLOCK_SIZES
  readonly isReadOnly = true
  readonly #deps: { readonly clock: Clock; readonly layer: LayerReader }
  readonly #timeoutMs: number

  constructor(deps: { clock: Clock; layer: LayerReader }, options: { timeoutMs: number }) {
    this.#deps = deps
    this.#timeoutMs = options.timeoutMs
  }

  /** Of a raw layer whole sectors, of a qcow2 layer those of its file. */
  get sizeBytes(): number {
    return this.#deps.layer.sizeBytes
  }

  read(offset: number, length: number, into: Buffer, options: DeviceReadOptions): Promise<void> {
    const { layer } = this.#deps
    return layer.isHere(offset, length) ? layer.readInto(offset, into, options) : this.#readLater(offset, into, options)
  }

  extents(_offset: number, length: number): readonly BlockExtent[] {
    return [{ length, isHole: false, isZero: false }]
  }

  willRead(offset: number, length: number): void {
    this.#deps.layer.hint(offset, length)
  }

  async #readLater(offset: number, into: Buffer, options: DeviceReadOptions): Promise<void> {
    const patience = new Patience(this.#deps, { timeoutMs: this.#timeoutMs, signal: options.signal })
    try {
      await this.#deps.layer.readInto(offset, into, { ...options, signal: patience.signal })
    } finally {
      patience.end()
    }
  }
}
