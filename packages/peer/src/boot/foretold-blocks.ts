import type { BootBlocks, Digest } from '@shoal/core'

/** Which bytes of layers a boot profile names: for telling how often it is right. */
export class ForetoldBlocks {
  readonly #layers = new Map<Digest, { readonly blockLengthBytes: number; readonly blocks: Set<number> }>()

  constructor({ layers, runs }: BootBlocks) {
    for (const { digest, blockLengthBytes } of layers) this.#layers.set(digest, { blockLengthBytes, blocks: new Set() })
    for (const { digest, firstBlock, blocks } of runs) {
      const known = this.#layers.get(digest)?.blocks
      for (let block = firstBlock; block < firstBlock + blocks; block += 1) known?.add(block)
    }
  }

  /** Whether the block was foretold that this byte of a layer's file is in; `undefined`: it is not of this layer. */
  has(digest: Digest, offset: number): boolean | undefined {
    const layer = this.#layers.get(digest)
    return layer?.blocks.has(Math.floor(offset / layer.blockLengthBytes))
  }
}
